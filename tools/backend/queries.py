"""What is in the database, for the page, the API and `petrel query`. Reads, and never writes."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tools.backend import tables as t
from tools.backend.database import Row, all_rows
from tools.backend.means import mean_of

POINTS = 2000  # of a plot: about as many as a screen has columns


@dataclass(frozen=True)
class Series:
    """The values of a sensor between two times.

    size: 0 for readings themselves; else the ms that each of the points is a roll-up of
    time: of each reading, or the start of each roll-up; in ms since 1970
    value: the reading, or the mean; low, high, count: of roll-ups only
    """

    sensor: int
    size: int
    time: list[int]
    value: list[float | None]
    low: list[float]
    high: list[float]
    count: list[int]


def now_ms() -> int:
    """The time, in ms since 1970."""
    return clock.time_ns() // 1_000_000


def nodes(connection: sa.Connection) -> list[Row]:
    """All nodes: state, last seen, version, signal, waiting and lost; how many sensors."""
    n = t.node.c
    counts = (
        sa.select(t.sensor.c.node, sa.func.count().label("sensors"))
        .group_by(t.sensor.c.node)
        .subquery()
    )
    columns = [n.id, n.base, n.name, n.state, n.state_at, n.first_seen, n.seen, n.version, n.board,
               n.mode, n.signal, n.waiting, n.lost, n.refused, n.uptime]  # fmt: skip
    query = (
        sa.select(*columns, sa.func.coalesce(counts.c.sensors, 0).label("sensors"))
        .select_from(t.node.outerjoin(counts, counts.c.node == n.id))
        .order_by(n.base, n.name)
    )
    return all_rows(connection, query)


def node(connection: sa.Connection, name: str, base: str | None = None) -> Row | None:
    """A node by its name, with its diagnostics as JSON; None if there is none."""
    query = sa.select(t.node).where(t.node.c.name == name).order_by(t.node.c.id)
    if base is not None:
        query = query.where(t.node.c.base == base)
    found = all_rows(connection, query.limit(1))
    return found[0] if found else None


def sensors(connection: sa.Connection, node_id: int) -> list[Row]:
    """The sensors of a node, each with its newest reading (time, value, text, source)."""
    query = _with_newest(t.sensor).where(t.sensor.c.node == node_id)
    return _one_each(connection, query.order_by(t.sensor.c.name))


def all_sensors(connection: sa.Connection) -> list[Row]:
    """All sensors, each with its newest reading, and with `base` and `node_name`."""
    n = t.node.c
    query = _with_newest(t.sensor.join(t.node), n.base, n.name.label("node_name"))
    return _one_each(connection, query.order_by(n.base, n.name, t.sensor.c.name))


_KEY = ("sensor", "boot", "seq", "time")
_NEWEST = ("time", "value", "text", "source", "boot", "seq")


def _with_newest(what: sa.FromClause, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Sensors with all readings of their newest moment; nulls where there is none any more."""
    r, s, other, of = t.reading.c, t.sensor.c, t.reading.alias(), t.sensor.alias()
    newest = sa.select(sa.func.max(other.c.time)).where(other.c.sensor == of.c.id)
    latest = sa.select(of.c.id, newest.scalar_subquery().label("time")).subquery()
    # The keys of that moment stand in the index of time. Asked for all columns at once, SQLite
    # would rather go through all readings of the sensor.
    key = t.reading.alias()
    joined = (
        what.join(latest, latest.c.id == s.id)
        .outerjoin(key, sa.and_(key.c.sensor == s.id, key.c.time == latest.c.time))
        .outerjoin(t.reading, sa.and_(*(r[name] == key.c[name] for name in _KEY)))
    )
    return sa.select(t.sensor, *columns, *(r[name] for name in _NEWEST)).select_from(joined)


def _one_each(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    """A row for each sensor: of several readings at a moment the one that was taken last."""
    found: dict[int, Row] = {}
    for row in all_rows(connection, query):
        if row["id"] not in found or row["seq"] > found[row["id"]]["seq"]:
            found[row["id"]] = row
    return list(found.values())


def sensor(connection: sa.Connection, node_name: str, name: str) -> Row | None:
    """A sensor by the names of its node and itself; None if there is none."""
    joined = t.sensor.join(t.node, t.node.c.id == t.sensor.c.node)
    query = sa.select(t.sensor).select_from(joined)
    query = query.where(t.node.c.name == node_name, t.sensor.c.name == name)
    found = all_rows(connection, query.order_by(t.sensor.c.id).limit(1))
    return found[0] if found else None


def series(
    connection: sa.Connection, sensor_id: int, start: int, end: int, points: int = POINTS
) -> Series:
    """A sensor from `start` until before `end`, in ms: readings if they are few, else roll-ups.

    Roll-ups end with the last whole hour; what came since is rolled up here, so that a plot of a
    month ends now as well.
    """
    if count(connection, sensor_id, start, end, points) <= points:
        return raw(connection, sensor_id, start, end)
    return rolled(connection, sensor_id, start, end, rollup_size(start, end, points))


def count(connection: sa.Connection, sensor_id: int, start: int, end: int, most: int) -> int:
    """How many readings there are, counted no further than `most` + 1."""
    some = sa.select(t.reading.c.time).where(_between(sensor_id, start, end)).limit(most + 1)
    return connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def rollup_size(start: int, end: int, points: int) -> int:
    """The roll-ups for a plot: those of hours, or of days if there are too many hours."""
    return t.HOUR_MS if (end - start) / t.HOUR_MS <= points else t.DAY_MS


def raw(connection: sa.Connection, sensor_id: int, start: int, end: int) -> Series:
    """The readings themselves."""
    r = t.reading.c
    query = sa.select(r.time, r.value).where(_between(sensor_id, start, end)).order_by(r.time)
    rows = connection.execute(query).all()
    return Series(sensor_id, 0, [row[0] for row in rows], [row[1] for row in rows], [], [], [])


def rolled(connection: sa.Connection, sensor_id: int, start: int, end: int, size: int) -> Series:
    """The roll-ups of a size, and at their end the readings that are not rolled up yet."""
    u, first = t.rollup.c, start - start % size
    query = sa.select(u.start, u.mean, u.minimum, u.maximum, u.count).where(
        u.size == size, u.sensor == sensor_id, u.start >= first, u.start < end
    )
    rows = [tuple(row) for row in connection.execute(query.order_by(u.start))]
    next_start = max(first, mark(connection, f"rolled {size}") or first)
    rows += roll(connection, sensor_id, next_start, end, size)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
    when, mean, low, high, count = columns
    return Series(sensor_id, size, when, mean, low, high, count)


def mark(connection: sa.Connection, name: str) -> int | None:
    """The number that a job goes on from."""
    found: int | None = connection.scalar(sa.select(t.mark.c.value).where(t.mark.c.name == name))
    return found


def readings(
    connection: sa.Connection, sensor_ids: list[int], start: int, end: int
) -> Iterator[Row]:
    """All that is stored of readings of sensors, in the order of time, a few thousand at once."""
    r = t.reading.c
    query = (
        sa.select(t.node.c.name.label("node"), t.sensor.c.name.label("sensor"), t.sensor.c.unit)
        .add_columns(r.time, r.value, r.text, r.source, r.boot, r.seq)
        .select_from(t.reading.join(t.sensor, t.sensor.c.id == r.sensor).join(t.node))
        .where(r.sensor.in_(sensor_ids), r.time >= start, r.time < end)
        .order_by(r.time)
        .execution_options(yield_per=5000)
    )
    for row in connection.execute(query).mappings():
        yield dict(row)


def latest(
    connection: sa.Connection, sensor_id: int, start: int, end: int, most: int
) -> list[Row]:
    """The newest readings between two times, the newest last."""
    r = t.reading.c
    query = sa.select(*(r[name] for name in _NEWEST)).where(_between(sensor_id, start, end))
    return all_rows(connection, query.order_by(r.time.desc(), r.seq.desc()).limit(most))[::-1]


def replies(connection: sa.Connection, node_id: int, most: int = 100) -> list[Row]:
    """The newest replies of a node to commands, the newest first."""
    return _newest_of(connection, t.reply, node_id, most)


def commands(connection: sa.Connection, node_id: int, most: int = 100) -> list[Row]:
    """The newest commands that anybody sent to a node, the newest first."""
    return _newest_of(connection, t.command, node_id, most)


def log(connection: sa.Connection, node_id: int | None = None, most: int = 200) -> list[Row]:
    """What happened to a node, or to all of them, the newest first."""
    query = sa.select(t.log, t.node.c.name).select_from(t.log.outerjoin(t.node))
    if node_id is not None:
        query = query.where(t.log.c.node == node_id)
    return all_rows(connection, query.order_by(t.log.c.at.desc(), t.log.c.id.desc()).limit(most))


def unreadable(connection: sa.Connection, most: int = 100) -> list[Row]:
    """The newest messages that could not be read, the newest first."""
    query = sa.select(t.unreadable).order_by(t.unreadable.c.id.desc())
    return all_rows(connection, query.limit(most))


def _newest_of(connection: sa.Connection, table: sa.Table, node_id: int, most: int) -> list[Row]:
    query = sa.select(table).where(table.c.node == node_id)
    return all_rows(connection, query.order_by(table.c.at.desc(), table.c.id.desc()).limit(most))


def _between(sensor_id: int, start: int, end: int) -> sa.ColumnElement[bool]:
    r = t.reading.c
    return sa.and_(r.sensor == sensor_id, r.time >= start, r.time < end)


def roll(
    connection: sa.Connection, sensor_id: int, start: int, end: int, size: int
) -> list[tuple[Any, ...]]:
    """Roll up readings while they are asked for: start, mean, minimum, maximum and count."""
    return [tuple(row) for row in connection.execute(rolling(sensor_id, start, end, size))]


def rolling(sensor_id: int, start: int, end: int, size: int) -> sa.Select[Any]:
    """The query of `roll`."""
    r = t.reading.c
    bucket = t.start_of(r.time, size)
    low, high = sa.func.min(r.value), sa.func.max(r.value)
    return (
        sa.select(bucket, mean_of(r.value), low, high)
        .add_columns(sa.func.count(r.value))
        .where(_between(sensor_id, start, end), r.value.is_not(None))
        .group_by(bucket)
        .order_by(bucket)
    )
