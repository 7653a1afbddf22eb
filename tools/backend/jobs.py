"""Roll-ups and retention, as a job of its own beside the collector.

An hour is rolled up a little after its end. A reading that comes later than that has left a row in
`late` (store.py), and its hour is rolled up once more. Days are made from hours.

Readings are removed only when they are rolled up. A reading that comes for an hour whose readings
were removed already is added to its roll-up, and removed.

With PostgreSQL several collectors may run: the one that gets the lock does the jobs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from tools.backend import queries
from tools.backend import tables as t
from tools.backend.alarms import tables as alarms
from tools.backend.config import RetentionSection
from tools.backend.database import reason, writing
from tools.backend.means import mean_of, scaled, unscaled
from tools.backend.queries import now_ms
from tools.backend.rows import Rows, hash_of, month_of, rows_of
from tools.backend.tables import DAY_MS, HOUR_MS
from tools.backend.web import tables as accounts

log = logging.getLogger(__name__)
EVERY_S = 60.0
GRACE_MS = 120_000  # after its end, until an hour is rolled up; more than store.SETTLED_MS
SENSORS_AT_ONCE = 500  # whose hours are written in a transaction: others want to write as well
LATE_AT_ONCE = 200
ROWS_AT_ONCE = 20_000
# What is removed with the history: of nodes, of alarms, and of what users did.
HISTORY = (
    t.diagnostics, t.log, t.command, t.reply, alarms.event, alarms.notice, accounts.action,
)  # fmt: skip


class Jobs:
    """Rolls up and removes, again and again, in a thread."""

    def __init__(self, engine: sa.Engine, retention: RetentionSection) -> None:
        self.trouble = ""
        self._engine = engine
        self._retention = retention
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def __enter__(self) -> Jobs:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                run(self._engine, self._retention, now_ms(), self._stopping)
                self.trouble = ""
            except sa.exc.SQLAlchemyError as error:
                if not self.trouble:
                    log.error("roll-ups and retention have to wait: %s", reason(error))
                self.trouble = reason(error)


def run(
    engine: sa.Engine,
    retention: RetentionSection,
    now: int,
    stopping: threading.Event | None = None,
) -> None:
    """Do all jobs once, as far as they are due at `now`. Ends early when it is to stop."""
    job = _Job(engine, rows_of(engine), now, stopping or threading.Event())
    with _alone(engine) as alone:
        if alone:
            job.roll_up()
            job.roll_up_late()
            job.remove(retention)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[bool]:
    """True inside if no other collector does the jobs now."""
    if engine.dialect.name == "sqlite":
        yield True
        return
    with engine.connect() as connection:
        key = hash_of("jobs")
        mine = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (key,)).scalar()
        connection.commit()  # the lock is the session's, and stays
        try:
            yield bool(mine)
        finally:
            if mine:
                connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (key,))
                connection.commit()


class _Job:
    def __init__(self, engine: sa.Engine, rows: Rows, now: int, stopping: threading.Event) -> None:
        self._engine = engine
        self._rows = rows
        self._now = now
        self._stopping = stopping

    # --- roll-ups

    def roll_up(self) -> None:
        """Roll up the hours, and with them the days, that have ended."""
        end = self._now - GRACE_MS
        end -= end % HOUR_MS
        with self._engine.connect() as connection:
            sensors = list(connection.scalars(sa.select(t.sensor.c.id).order_by(t.sensor.c.id)))
            start = queries.mark(connection, f"rolled {HOUR_MS}")
            if start is None:
                start = _first(connection)
        if start is None:
            return
        while start < end and not self._stopping.is_set():
            # A day at a time, so that a long absence is caught up in steps.
            until = min(end, start - start % DAY_MS + DAY_MS)
            for index in range(0, len(sensors), SENSORS_AT_ONCE):
                some = sensors[index : index + SENSORS_AT_ONCE]
                self._roll_hours(some, start, until, index + SENSORS_AT_ONCE >= len(sensors))
            start = until

    def _roll_hours(self, sensors: Sequence[int], start: int, end: int, last: bool) -> None:
        """Roll up hours of sensors; with the last of them the day if it has ended, and go on."""
        with self._engine.connect() as connection:
            found = connection.execute(_hours(sensors, start, end)).all()
        with writing(self._engine) as connection:
            _replace(connection, sensors, HOUR_MS, start, end, [tuple(row) for row in found])
            if last and end % DAY_MS == 0:
                _make_days(connection, None, end - DAY_MS)
                self._set_mark(connection, f"rolled {DAY_MS}", end)
            if last:
                self._set_mark(connection, f"rolled {HOUR_MS}", end)

    def roll_up_late(self) -> None:
        """Roll up once more the hours for which readings came late."""
        late = t.late.c
        while not self._stopping.is_set():
            with writing(self._engine) as connection:
                removed = queries.mark(connection, "removed") or 0
                query = sa.select(late.sensor, late.start).order_by(late.sensor, late.start)
                # An hour that is still to be rolled up isn't late, whatever came when.
                rolled = queries.mark(connection, f"rolled {HOUR_MS}") or 0
                query = query.where(late.start < rolled).limit(LATE_AT_ONCE)
                pairs = [(row[0], row[1]) for row in connection.execute(query)]
                for sensor, start in pairs:
                    this = sa.and_(late.sensor == sensor, late.start == start)
                    connection.execute(sa.delete(t.late).where(this))
                    self._roll_again(connection, sensor, start, start < removed)
            if len(pairs) < LATE_AT_ONCE:
                return

    def _roll_again(
        self, connection: sa.Connection, sensor: int, start: int, removed: bool
    ) -> None:
        end = start + HOUR_MS
        found = [tuple(row) for row in connection.execute(_hours([sensor], start, end))]
        if removed:
            found = [_joined(row, _rollup(connection, sensor, start)) for row in found]
            if not found:
                return
            r = t.reading.c
            these = sa.and_(r.sensor == sensor, r.time >= start, r.time < end)
            connection.execute(sa.delete(t.reading).where(these))
        _replace(connection, [sensor], HOUR_MS, start, end, found)
        day = start - start % DAY_MS
        if day < (queries.mark(connection, f"rolled {DAY_MS}") or 0):
            _make_days(connection, sensor, day)

    # --- retention

    def remove(self, retention: RetentionSection) -> None:
        """Remove what is older than it is to be kept."""
        if retention.readings_days:
            self._remove_readings(self._now - retention.readings_days * DAY_MS)
        for size, days in ((HOUR_MS, retention.hourly_days), (DAY_MS, retention.daily_days)):
            if days:
                old = sa.and_(
                    t.rollup.c.size == size, t.rollup.c.start < self._now - days * DAY_MS
                )
                with writing(self._engine) as connection:
                    connection.execute(sa.delete(t.rollup).where(old))
        if retention.history_days:
            before = self._now - retention.history_days * DAY_MS
            with writing(self._engine) as connection:
                for table in HISTORY:
                    connection.execute(sa.delete(table).where(table.c.at < before))
        with writing(self._engine) as connection:
            u = t.unreadable.c.id
            newest = sa.select(u).order_by(u.desc()).offset(retention.unreadable).limit(1)
            last = connection.scalar(newest)
            if last is not None:
                connection.execute(sa.delete(t.unreadable).where(u <= last))

    def _remove_readings(self, before: int) -> None:
        """Remove readings of whole days that are rolled up, late ones included."""
        with self._engine.connect() as connection:
            rolled = queries.mark(connection, f"rolled {DAY_MS}") or 0
            pending = connection.scalar(sa.select(sa.func.min(t.late.c.start)))
            removed = queries.mark(connection, "removed") or 0
            sensors = list(connection.scalars(sa.select(t.sensor.c.id)))
        before = min(before, rolled, rolled if pending is None else pending)
        before -= before % DAY_MS
        if before <= removed:
            return
        if self._engine.dialect.name == "sqlite":
            for sensor in sensors:
                self._remove_of(sensor, before)
        else:
            before = self._drop_partitions(before)
        if not self._stopping.is_set():
            with writing(self._engine) as connection:
                self._set_mark(connection, "removed", before)

    def _remove_of(self, sensor: int, before: int) -> None:
        r = t.reading.c
        while not self._stopping.is_set():
            with writing(self._engine) as connection:
                some = sa.select(r.boot, r.seq).where(r.sensor == sensor, r.time < before)
                keys = [tuple(row) for row in connection.execute(some.limit(ROWS_AT_ONCE))]
                if keys:
                    connection.exec_driver_sql(
                        "DELETE FROM reading WHERE sensor = ? AND boot = ? AND seq = ?",
                        [(sensor, *key) for key in keys],
                    )
            if len(keys) < ROWS_AT_ONCE:
                return

    def _drop_partitions(self, before: int) -> int:
        """Drop the partitions that end by then; returns until when readings are gone."""
        hyper = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"
        with writing(self._engine) as connection:
            if connection.exec_driver_sql(hyper).scalar():
                connection.exec_driver_sql("DELETE FROM taken USING reading r WHERE taken.sensor ="
                    " r.sensor AND taken.boot = r.boot AND taken.seq = r.seq AND r.time < %s",
                    (before,))  # fmt: skip
                connection.exec_driver_sql("SELECT drop_chunks('reading', %s::bigint)", (before,))
                connection.exec_driver_sql("DELETE FROM reading WHERE time < %s", (before,))
                return before
            names = connection.exec_driver_sql(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'reading'::regclass"
            ).scalars()
            first = month_of(before // DAY_MS)[1]  # of the month in which `before` is
            for name in names:
                if name < month_of(before // DAY_MS)[0]:
                    connection.exec_driver_sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
                    pending = connection.scalar(sa.select(sa.func.min(t.late.c.start)))
                    if pending is not None and pending < first:
                        break  # came just now; it is rolled up first
                    connection.exec_driver_sql(
                        f"DELETE FROM taken USING {name} r WHERE taken.sensor = r.sensor"
                        " AND taken.boot = r.boot AND taken.seq = r.seq"
                    )
                    connection.exec_driver_sql(f"DROP TABLE {name}")
        return first

    def _set_mark(self, connection: sa.Connection, name: str, value: int) -> None:
        self._rows.insert(connection, t.mark, [{"name": name, "value": value}])
        connection.execute(sa.update(t.mark).where(t.mark.c.name == name).values(value=value))


def _first(connection: sa.Connection) -> int | None:
    """The hour of the oldest reading; each sensor's is found in the index."""
    # In one statement: thousands of short ones would hold up the collector's threads.
    r, s = t.reading.c, t.sensor.c
    oldest = sa.select(sa.func.min(r.time)).where(r.sensor == s.id).scalar_subquery()
    of_each = sa.select(oldest.label("time")).select_from(t.sensor).subquery()
    found: int | None = connection.scalar(sa.select(sa.func.min(of_each.c.time)))
    return None if found is None else found - found % HOUR_MS


def _hours(sensors: Sequence[int], start: int, end: int) -> sa.Select[Any]:
    """sensor, start, minimum, maximum, mean and count of each hour that has numbers."""
    r = t.reading.c
    hour = t.start_of(r.time, HOUR_MS)
    low, high = sa.func.min(r.value), sa.func.max(r.value)
    mean = mean_of(r.value)
    return (
        sa.select(r.sensor, hour, low, high, mean)
        .add_columns(sa.func.count(r.value))
        .where(r.sensor.in_(sensors), r.time >= start, r.time < end, r.value.is_not(None))
        .group_by(r.sensor, hour)
    )


def _replace(
    connection: sa.Connection,
    sensors: Sequence[int],
    size: int,
    start: int,
    end: int,
    found: Sequence[tuple[object, ...]],
) -> None:
    """Put roll-ups in the place of those that were there."""
    u = t.rollup.c
    these = sa.and_(u.size == size, u.sensor.in_(sensors), u.start >= start, u.start < end)
    connection.execute(sa.delete(t.rollup).where(these))
    names = ("sensor", "start", "minimum", "maximum", "mean", "count")
    rows = [{"size": size, **dict(zip(names, row, strict=True))} for row in found]
    if rows:
        connection.execute(sa.insert(t.rollup), rows)


def _make_days(connection: sa.Connection, sensor: int | None, day: int) -> None:
    """Make a day from its hours, of a sensor or of all."""
    u = t.rollup.c
    hours = sa.and_(u.size == HOUR_MS, u.start >= day, u.start < day + DAY_MS)
    old = sa.and_(u.size == DAY_MS, u.start == day)
    if sensor is not None:
        hours, old = sa.and_(hours, u.sensor == sensor), sa.and_(old, u.sensor == sensor)
    connection.execute(sa.delete(t.rollup).where(old))
    low, high, total = sa.func.min(u.minimum), sa.func.max(u.maximum), sa.func.sum(u.count)
    mean = unscaled(sa.func.sum(scaled(u.mean) * u.count) / total, low, high)
    made = (
        sa.select(sa.literal(DAY_MS), u.sensor, sa.literal(day, sa.BigInteger))
        .add_columns(low, high, mean, total)
        .where(hours)
        .group_by(u.sensor)
    )
    names = ["size", "sensor", "start", "minimum", "maximum", "mean", "count"]
    connection.execute(sa.insert(t.rollup).from_select(names, made))


def _rollup(connection: sa.Connection, sensor: int, start: int) -> tuple[float, ...] | None:
    u = t.rollup.c
    query = sa.select(u.minimum, u.maximum, u.mean, u.count)
    query = query.where(u.size == HOUR_MS, u.sensor == sensor, u.start == start)
    row = connection.execute(query).one_or_none()
    return tuple(row) if row else None


def _joined(new: tuple[float, ...], old: tuple[float, ...] | None) -> tuple[float, ...]:
    """The roll-up of an hour whose readings are gone, with readings that came since."""
    if old is None:
        return new
    sensor, start, low, high, mean, count = new
    total = count + old[3]
    mean = mean * (count / total) + old[2] * (old[3] / total)
    return sensor, start, min(low, old[0]), max(high, old[1]), mean, total
