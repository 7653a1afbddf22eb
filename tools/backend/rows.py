"""How rows get into the two databases: many at once, and each reading only once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tools.backend import tables as t
from tools.backend.queries import now_ms
from tools.backend.tables import BY_UPTIME, HOUR_MS

# sensor, boot, seq, time, source, value, text, said
ReadingRow = tuple[int, int, int, int, int, float | None, str | None, int | None]

_SQLITE = "INSERT OR IGNORE INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# What is new is found in `taken`, because a partition of readings doesn't see the others.
_POSTGRESQL = """
WITH given AS (
  SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[],
    %s::float8[], %s::text[], %s::bigint[])
    AS g (sensor, boot, seq, time, source, value, text, said)),
new AS (
  INSERT INTO taken SELECT sensor, boot, seq FROM given ORDER BY sensor, boot, seq
  ON CONFLICT DO NOTHING RETURNING sensor, boot, seq)
INSERT INTO reading SELECT given.* FROM given JOIN new USING (sensor, boot, seq)
RETURNING sensor, boot, seq
"""
_MOVE = """
WITH moved AS (
  DELETE FROM reading WHERE boot = %s AND source = %s AND time >= %s
    AND sensor IN (SELECT id FROM sensor WHERE node = %s)
  RETURNING *)
INSERT INTO reading SELECT sensor, boot, seq, said + %s, source, value, text, said FROM moved
"""
_PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = 'reading'::regclass"


class Rows(ABC):
    """The statements of one kind of database."""

    @abstractmethod
    def insert_readings(
        self, connection: sa.Connection, rows: Sequence[ReadingRow]
    ) -> set[tuple[int, int, int]]:
        """Insert what is not there yet; returns the identities of what is new."""

    def insert(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]
    ) -> None:
        """Insert rows of another table; those that are there already stay as they are."""
        if rows:
            connection.execute(self._or_nothing(table), rows)

    @abstractmethod
    def restamp(self, connection: sa.Connection, node: int, boot: int, was: int, now: int) -> None:
        """A start of a node was earlier than thought: readings timed by it move with it."""

    def mark_late(self, connection: sa.Connection, pairs: Iterable[tuple[int, int]]) -> None:
        """Have hours of sensors rolled up again."""
        rows = [{"sensor": sensor, "start": start} for sensor, start in sorted(pairs)]
        self.insert(connection, t.late, rows)

    @abstractmethod
    def _or_nothing(self, table: sa.Table) -> Any:
        """An insert that leaves rows alone which are there already."""

    def _late_of(self, connection: sa.Connection, node: int, boot: int, since: int) -> None:
        r = t.reading.c
        of_node = sa.select(t.sensor.c.id).where(t.sensor.c.node == node)
        query = sa.select(r.sensor, t.start_of(r.time, HOUR_MS)).distinct()
        query = query.where(r.sensor.in_(of_node), r.boot == boot, r.source == BY_UPTIME)
        found = connection.execute(query.where(r.time >= since)).all()
        self.mark_late(connection, [(row[0], row[1]) for row in found])


class SqliteRows(Rows):
    """SQLite."""

    def insert_readings(
        self, connection: sa.Connection, rows: Sequence[ReadingRow]
    ) -> set[tuple[int, int, int]]:
        cursor = connection.connection.cursor()
        new = {row[:3] for row in rows}
        # One statement for all says only how many are new. Usually all are.
        cursor.execute("SAVEPOINT readings")
        cursor.executemany(_SQLITE, rows)
        if cursor.rowcount < len(rows):
            cursor.execute("ROLLBACK TO readings")
            new.clear()
            for row in rows:
                cursor.execute(_SQLITE, row)
                if cursor.rowcount:
                    new.add(row[:3])
        cursor.execute("RELEASE readings")
        cursor.close()
        return new

    def restamp(self, connection: sa.Connection, node: int, boot: int, was: int, now: int) -> None:
        self._late_of(connection, node, boot, was)
        r = t.reading.c
        of_node = sa.select(t.sensor.c.id).where(t.sensor.c.node == node)
        connection.execute(
            sa.update(t.reading)
            .where(r.sensor.in_(of_node), r.boot == boot, r.source == BY_UPTIME)
            .values(time=r.said + now)
        )
        self._late_of(connection, node, boot, now)

    def _or_nothing(self, table: sa.Table) -> Any:
        return sqlite.insert(table).on_conflict_do_nothing()


class PostgresqlRows(Rows):
    """PostgreSQL, with its own partitions or those of TimescaleDB."""

    def __init__(self) -> None:
        self._partitions: set[str] = set()
        self._partitioned: bool | None = None

    def insert_readings(
        self, connection: sa.Connection, rows: Sequence[ReadingRow]
    ) -> set[tuple[int, int, int]]:
        once = {row[:3]: row for row in reversed(rows)}  # the first of copies stays
        self._make_partitions(connection, [row[3] for row in once.values()])
        columns = tuple(list(column) for column in zip(*once.values(), strict=True))
        found = connection.exec_driver_sql(_POSTGRESQL, columns)
        return {(row[0], row[1], row[2]) for row in found}

    def restamp(self, connection: sa.Connection, node: int, boot: int, was: int, now: int) -> None:
        self._late_of(connection, node, boot, was)
        self._make_partitions(connection, range(now, was, 7 * t.DAY_MS))
        connection.exec_driver_sql(_MOVE, (boot, BY_UPTIME, was, node, now))
        self._late_of(connection, node, boot, now)

    def _make_partitions(self, connection: sa.Connection, times: Iterable[int]) -> None:
        """Make the partitions of months that are missing. Names are made of numbers alone."""
        if self._partitioned is None:
            self._partitioned = bool(connection.exec_driver_sql(_PARTITIONED).scalar())
        if not self._partitioned:
            return
        days = {time // t.DAY_MS for time in times}
        for name, start, end in sorted({month_of(day) for day in days}):
            if name not in self._partitions:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (hash_of(name),))
                connection.exec_driver_sql(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF reading"
                    f" FOR VALUES FROM ({start}) TO ({end})"
                    " WITH (autovacuum_vacuum_insert_scale_factor = 0.02)"  # see migration 0003
                )
                if end > now_ms() - t.DAY_MS:  # an older one is removed some day
                    self._partitions.add(name)

    def _or_nothing(self, table: sa.Table) -> Any:
        return postgresql.insert(table).on_conflict_do_nothing()


def rows_of(engine: sa.Engine) -> Rows:
    """The statements for a database."""
    return SqliteRows() if engine.dialect.name == "sqlite" else PostgresqlRows()


def hash_of(name: str) -> int:
    """A number of 63 bits for PostgreSQL's advisory locks, the same in every process."""
    return int.from_bytes(name.encode()[-7:])


def month_of(day: int) -> tuple[str, int, int]:
    """The partition of a day: its name, its start and its end in ms."""
    moment = datetime.fromtimestamp(day * t.DAY_MS / 1000, UTC)
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    name = f"reading_{first.year}_{first.month:02}"
    return name, round(first.timestamp() * 1000), round(after.timestamp() * 1000)
