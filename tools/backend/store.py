"""Writes what messages say into the database: a batch in one transaction, each reading once.

What the database has of nodes and sensors is remembered here, so that a reading costs one insert.
After a transaction that failed, everything remembered is forgotten: it may have been made in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from tools.backend import tables as t
from tools.backend.database import writing
from tools.backend.feed import Event
from tools.backend.history import changes, columns
from tools.backend.messages import MOST_KEPT, Item, Reading, Told, Unreadable
from tools.backend.queries import now_ms
from tools.backend.rows import ReadingRow, rows_of
from tools.backend.tables import BY_UPTIME, HOUR_MS

AT_ONCE = 500  # nodes or sensors of a statement: databases limit its parameters
SEEN_MS = 1000  # how often it is written down when nodes were last seen
RESTAMP_MS = 1000  # a better estimate of a start is worth moving readings from here on
SETTLED_MS = 60_000  # after its end, an hour is rolled up soon; what comes then is late

_Item = TypeVar("_Item")


@dataclass
class Tally:
    """Readings that are new and others, messages that tell anything else, and the unreadable."""

    stored: int = 0
    copies: int = 0
    told: int = 0
    unreadable: int = 0

    def add(self, other: Tally) -> None:
        """Count what another has counted as well."""
        self.stored += other.stored
        self.copies += other.copies
        self.told += other.told
        self.unreadable += other.unreadable


@dataclass
class Written(Tally):
    """What became of a batch; the events are those of what is new."""

    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class _Sensor:
    id: int
    unit: str
    kind: str
    newest: int


@dataclass(slots=True)
class _Node:
    id: int
    state: str
    diagnostics: str
    content: dict[str, Any]
    sensors: dict[str, _Sensor] = field(default_factory=dict)
    boots: dict[int, int] = field(default_factory=dict)


class Store:
    """The one who writes; used by one thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._rows = rows_of(engine)
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._seen: dict[int, int] = {}
        self._seen_at = 0

    def write(self, items: Sequence[Item], events: bool = True) -> Written:
        """Store a batch; when this returns, it is on the disk. Raises what the database raises.

        events: False if nobody wants to know what was stored
        """
        written = Written()
        try:
            with writing(self._engine) as connection:
                self._write(connection, items, written, events)
        except BaseException:
            self._forget()
            raise
        return written

    def _forget(self) -> None:
        self._rows = rows_of(self._engine)
        self._nodes.clear()
        self._seen_at = 0

    def _write(
        self, connection: sa.Connection, items: Sequence[Item], written: Written, events: bool
    ) -> None:
        self._know(connection, [item for item in items if not isinstance(item, Unreadable)])
        readings = [item for item in items if isinstance(item, Reading)]
        if readings:
            self._write_readings(connection, readings, written, events)
        for item in items:
            if isinstance(item, Told):
                self._write_told(connection, item, written)
                written.told += 1
        unreadable = [_unreadable(item) for item in items if isinstance(item, Unreadable)]
        self._rows.insert(connection, t.unreadable, unreadable)
        written.unreadable = len(unreadable)
        self._write_seen(connection)

    def _write_readings(
        self, connection: sa.Connection, readings: list[Reading], written: Written, events: bool
    ) -> None:
        placed = [self._place(connection, reading) for reading in readings]
        rows: list[ReadingRow] = []
        for reading, (node, sensor) in zip(readings, placed, strict=True):
            if reading.source == BY_UPTIME and reading.said is not None:
                reading.time = node.boots[reading.boot] + reading.said
            rows.append(
                (sensor.id, reading.boot, reading.seq, reading.time, reading.source,
                 reading.value, reading.text, reading.said)
            )  # fmt: skip
        new = self._rows.insert_readings(connection, rows)
        late: set[tuple[int, int]] = set()
        settled = now_ms() - HOUR_MS - SETTLED_MS
        for reading, row, (node, sensor) in zip(readings, rows, placed, strict=True):
            if row[:3] not in new:
                written.copies += 1
                continue
            new.discard(row[:3])
            written.stored += 1
            time = reading.time
            if reading.at > self._seen.get(node.id, 0):
                self._seen[node.id] = reading.at
            if time - time % HOUR_MS <= settled:
                late.add((sensor.id, time - time % HOUR_MS))
            fresh = time >= sensor.newest
            if fresh:
                sensor.newest = time
            if events:
                written.events.append(_event(reading, node.id, sensor.id, fresh))
        self._rows.mark_late(connection, late)

    def _place(self, connection: sa.Connection, reading: Reading) -> tuple[_Node, _Sensor]:
        """The node and the sensor of a reading, and what the reading tells of both."""
        node = self._nodes[reading.base, reading.node]
        sensor = node.sensors[reading.sensor]
        if reading.source == BY_UPTIME and reading.said is not None:
            self._began(connection, node, reading.boot, reading.at - reading.said)
        told = reading.value is not None or reading.text is not None  # else nothing of its kind
        if told and (reading.unit != sensor.unit or reading.kind != sensor.kind):
            sensor.unit, sensor.kind = reading.unit, reading.kind
            values = {"unit": reading.unit, "kind": reading.kind}
            this = t.sensor.c.id == sensor.id
            connection.execute(sa.update(t.sensor).where(this).values(values))
        return node, sensor

    def _know(self, connection: sa.Connection, items: Sequence[Reading | Told]) -> None:
        """Learn of the nodes and sensors that are new here: those of a batch in few statements."""
        nodes: dict[tuple[str, str], int] = {}
        for item in items:
            if (item.base, item.node) not in self._nodes:
                nodes.setdefault((item.base, item.node), item.at)
        for some in _batched(nodes.items(), AT_ONCE):
            self._learn_nodes(connection, dict(some))
        sensors: dict[tuple[int, str], Reading] = {}
        for item in items:
            if isinstance(item, Reading):
                node = self._nodes[item.base, item.node]
                if item.sensor not in node.sensors:
                    sensors.setdefault((node.id, item.sensor), item)
        of = {node.id: node for node in self._nodes.values()} if sensors else {}
        for pairs in _batched(sensors.items(), AT_ONCE):
            self._learn_sensors(connection, of, dict(pairs))

    def _learn_nodes(self, connection: sa.Connection, new: dict[tuple[str, str], int]) -> None:
        n = t.node.c
        rows = [
            {"base": base, "name": name, "first_seen": at, "seen": at}
            for (base, name), at in new.items()
        ]
        self._rows.insert(connection, t.node, rows)
        query = sa.select(n.base, n.name, n.id, n.state, n.diagnostics)
        query = query.where(sa.tuple_(n.base, n.name).in_(list(new)))
        for base, name, number, state, text in connection.execute(query):
            content = json.loads(text) if text else {}
            self._nodes[base, name] = _Node(number, state, text or "", content)

    def _learn_sensors(
        self,
        connection: sa.Connection,
        nodes: dict[int, _Node],
        new: dict[tuple[int, str], Reading],
    ) -> None:
        s, r = t.sensor.c, t.reading.c
        rows = [
            {"node": node, "name": name, "unit": reading.unit, "kind": reading.kind}
            for (node, name), reading in new.items()
        ]
        self._rows.insert(connection, t.sensor, rows)
        newest = sa.select(sa.func.max(r.time)).where(r.sensor == s.id).scalar_subquery()
        query = sa.select(s.node, s.name, s.id, s.unit, s.kind, newest)
        query = query.where(sa.tuple_(s.node, s.name).in_(list(new)))
        for node, name, number, unit, kind, time in connection.execute(query):
            nodes[node].sensors[name] = _Sensor(number, unit, kind, time or 0)

    def _began(self, connection: sa.Connection, node: _Node, boot: int, began: int) -> None:
        """Note when a start of a node was: the earliest that any of its readings allows.

        A reading can't have been taken after it arrived. One that waited makes the start seem
        later than it was, and the next that did not corrects it.
        """
        b = t.boot.c
        known = node.boots.get(boot)
        if known is None:
            row = {"node": node.id, "boot": boot, "began": began}
            self._rows.insert(connection, t.boot, [row])
            query = sa.select(b.began).where(b.node == node.id, b.boot == boot)
            known = connection.execute(query).scalar_one()
            node.boots[boot] = known
        if began <= known - RESTAMP_MS:
            this = (b.node == node.id, b.boot == boot)
            connection.execute(sa.update(t.boot).where(*this).values(began=began))
            self._rows.restamp(connection, node.id, boot, known, began)
            node.boots[boot] = began

    def _write_told(self, connection: sa.Connection, told: Told, written: Written) -> None:
        node = self._nodes[told.base, told.node]
        if not told.retained and told.kind != "command":
            self._seen[node.id] = max(told.at, self._seen.get(node.id, 0))
        this = t.node.c.id == node.id
        lines: list[tuple[str, str]] = []
        if told.kind == "status":
            if told.text == node.state:
                return
            if node.state or not told.retained:
                lines.append(("warning" if told.text == "offline" else "info", f"is {told.text}"))
            node.state = told.text
            values: dict[str, Any] = {"state": told.text, "state_at": told.at}
            connection.execute(sa.update(t.node).where(this).values(values))
        elif told.kind == "diagnostics":
            if told.text == node.diagnostics:
                return  # retained, and seen before
            lines = changes(node.content, told.content)
            node.diagnostics, node.content = told.text, told.content
            values = {"diagnostics": told.text, "diagnostics_at": told.at}
            values |= columns(told.content)
            connection.execute(sa.update(t.node).where(this).values(values))
            row = {"node": node.id, "at": told.at, "payload": told.text}
            self._rows.insert(connection, t.diagnostics, [row])
        elif told.kind == "log":
            if told.retained or told.content.get("again"):
                return  # somebody asked for the last lines, which are here already
            row = {"node": node.id, "at": told.at, "level": told.name, "text": told.text}
            self._rows.insert(connection, t.log, [row])
            written.events.append(Event("log", node.id, told.node, told.at, told.name, told.text))
            return
        else:
            row = {"node": node.id, "at": told.at, "name": told.name, "payload": told.text}
            if told.kind == "reply":
                ok = told.content.get("ok")
                row["ok"] = ok if isinstance(ok, bool) else None
            self._rows.insert(connection, t.reply if told.kind == "reply" else t.command, [row])
        written.events.append(
            Event(told.kind, node.id, told.node, told.at, field=told.name, value=told.text)
        )
        for level, text in lines:
            row = {"node": node.id, "at": told.at, "level": level, "text": text}
            self._rows.insert(connection, t.log, [row])
            written.events.append(Event("log", node.id, told.node, told.at, level, text))

    def _write_seen(self, connection: sa.Connection) -> None:
        """Note when nodes were last seen, from time to time."""
        now = now_ms()
        if not self._seen or now - self._seen_at < SEEN_MS:
            return
        n = t.node.c
        statement = sa.update(t.node).where(
            n.id == sa.bindparam("of"), n.seen < sa.bindparam("to")
        )
        rows = [{"of": node, "to": at} for node, at in sorted(self._seen.items())]
        connection.execute(statement.values(seen=sa.bindparam("to")), rows)
        self._seen.clear()
        self._seen_at = now


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in lists of that size; the last is shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _event(reading: Reading, node: int, sensor: int, fresh: bool) -> Event:
    value: float | bool | str | None = reading.value if reading.text is None else reading.text
    if reading.kind == "switch":
        value = bool(value)
    return Event(
        "reading", node, reading.node, reading.at, reading.sensor, value, sensor, reading.unit,
        reading.time, fresh,
    )  # fmt: skip


def _unreadable(item: Unreadable) -> dict[str, Any]:
    return {
        "at": item.at,
        "topic": item.topic,
        "payload": item.payload[:MOST_KEPT],
        "size": len(item.payload),
        "reason": item.reason,
    }
