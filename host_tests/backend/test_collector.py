"""The collector with a real broker: what is acknowledged is stored, and stored once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import Publisher, Running, wait_until
from tools.backend import queries
from tools.backend import tables as t
from tools.backend.database import writing
from tools.backend.feed import Event
from tools.backend.messages import EARLIEST_MS
from tools.play.broker import Broker


def test_readings_are_stored_with_node_sensor_unit_and_time(
    running: Running, publisher: Publisher
) -> None:
    now = int(time.time())
    publisher.reading(1, "petrel/house/air/temperature", value=21.5, unit="C", time=now)
    publisher.reading(2, "petrel/house/door", value=True, unit="")
    publisher.reading(3, "petrel/house/mode", value="wärmen", unit="")
    running.wait_for(t.reading, 3)
    with running.engine.connect() as connection:
        node = queries.node(connection, "house")
        assert node
        air, door, mode = queries.sensors(connection, node["id"])
        assert (air["name"], air["unit"], air["value"]) == ("air/temperature", "C", 21.5)
        assert (air["time"], air["source"]) == (now * 1000, t.BY_NODE)
        assert (door["kind"], door["value"]) == ("switch", 1.0)
        assert (mode["kind"], mode["text"], mode["value"]) == ("text", "wärmen", None)


def test_a_copy_is_dropped_however_late_it_comes(
    run: Callable[..., Running], publisher: Publisher
) -> None:
    running = run()
    for _ in range(2):
        for seq in range(1, 101):
            publisher.reading(seq)
    publisher.reading(101)
    running.wait_for(t.reading, 101)
    running.collector.stop()
    assert running.collector.counts.acknowledged == 201
    running = run()
    publisher.reading(50)
    publisher.reading(102)
    running.wait_for(t.reading, 102)
    assert running.count(t.reading) == 102
    # A broker that had not read every acknowledgement when the session was taken over sends the
    # rest again: besides the late copy those may come, and all of them are copies.
    counts = running.collector.counts
    wait_until(lambda: counts.stored == 1, 60, lambda: str(counts))
    assert 1 <= counts.copies == counts.received - 1


def test_what_came_while_it_was_away_is_stored(
    run: Callable[..., Running], publisher: Publisher
) -> None:
    first = run()
    publisher.reading(1)
    first.wait_for(t.reading, 1)
    first.collector.stop()
    for seq in range(2, 80):
        publisher.reading(seq)
    publisher.flush()
    run().wait_for(t.reading, 79)


def test_nothing_is_acknowledged_before_it_is_stored(
    broker_factory: Callable[..., Broker], engine: sa.Engine
) -> None:
    """While another transaction holds the database, the broker keeps all messages."""
    broker = broker_factory()
    publisher = Publisher(broker)
    with Running(broker, engine) as running:
        with writing(engine) as other:
            if engine.dialect.name == "postgresql":
                other.exec_driver_sql("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
            for seq in range(1, 51):
                publisher.reading(seq)
            publisher.flush()
            collector = running.collector
            # 20 are in flight, as many as Mosquitto sends before it must have acknowledgements

            def came() -> int:
                return collector.counts.received + len(collector.inbox)

            wait_until(lambda: came() == 20, 60, lambda: f"{came()} came")
            assert collector.counts.acknowledged == 0
        running.wait_for(t.reading, 50)
        wait_until(lambda: running.collector.counts.acknowledged == 50, 60, lambda: "not acked")
    publisher.close()


def test_status_diagnostics_commands_and_replies_are_kept(
    running: Running, publisher: Publisher
) -> None:
    publisher.publish("petrel/a/status", "online", retain=True)
    said = {"version": "0.1.0", "board": "ESP32", "rssi": -61, "waiting": 3, "lost": 1,
            "flash": {"lost": 2}, "uptime": 20, "reset": "power"}  # fmt: skip
    publisher.publish("petrel/a/diagnostics", said, retain=True)
    publisher.publish("petrel/a/diagnostics", {**said, "uptime": 80, "failing": ["soil"]})
    publisher.publish("petrel/a/cmd/ping", "")
    publisher.publish("petrel/a/reply/ping", {"ok": True, "uptime": 81})
    publisher.publish("petrel/a/status", "offline", retain=True)
    publisher.reading(1)
    running.wait_for(t.reading, 1)
    with running.engine.connect() as connection:
        (node,) = queries.nodes(connection)
        shown = {name: node[name] for name in ("state", "version", "signal", "waiting", "lost")}
        assert shown == {
            "state": "offline", "version": "0.1.0", "signal": -61, "waiting": 3, "lost": 3,
        }  # fmt: skip
        (reply,) = queries.replies(connection, node["id"])
        assert (reply["name"], reply["ok"]) == ("ping", True)
        assert [row["name"] for row in queries.commands(connection, node["id"])] == ["ping"]
        assert [row["text"] for row in queries.log(connection, node["id"])][::-1] == [
            "is online", "started after power, version 0.1.0", "3 messages were lost",
            "sensors that fail: soil", "is offline",
        ]  # fmt: skip


def test_the_lines_of_a_nodes_log_are_kept_once(running: Running, publisher: Publisher) -> None:
    now = int(time.time())
    line = {"level": "warning", "text": "light: no answer", "seq": 3, "boot": 5, "time": now - 600}
    publisher.publish("petrel/a/log", line)
    publisher.publish("petrel/a/log", {**line, "again": True})
    publisher.publish("petrel/a/log", {"level": "loud", "text": "x", "uptime": 7})
    publisher.publish("petrel/a/log", {"level": "info"})
    publisher.reading(1)
    publisher.reading(2, "petrel/b/log")  # of somebody else's node
    running.wait_for(t.reading, 2)
    with running.engine.connect() as connection:
        (node,) = [each for each in queries.nodes(connection) if each["name"] == "a"]
        rows = queries.log(connection, node["id"])
        found = [(row["level"], row["text"]) for row in rows]
        assert sorted(found) == [("info", "x"), ("warning", "light: no answer")]
        assert min(row["at"] for row in rows) == (now - 600) * 1000
        assert len(queries.unreadable(connection)) == 1


def test_an_uptime_becomes_a_time_that_later_readings_correct(
    running: Running, publisher: Publisher
) -> None:
    """The first came late: only a later one shows when the node really started."""
    began = time.time() - 1000
    for seq, uptime in ((1, 100), (2, 200)):
        publisher.publish(
            "petrel/a/light", {"value": 1, "unit": "", "seq": seq, "boot": 5, "uptime": uptime}
        )
    running.wait_for(t.reading, 2)
    publisher.publish(
        "petrel/a/soil", {"value": 1, "unit": "", "seq": 3, "boot": 5, "uptime": 1000}
    )
    running.wait_for(t.reading, 3)
    rows = sorted(running.rows(t.reading), key=lambda row: row.seq)
    assert [row.source for row in rows] == [t.BY_UPTIME] * 3
    assert [row.said for row in rows] == [100_000, 200_000, 1_000_000]
    for row in rows:
        assert row.time == pytest.approx(began * 1000 + row.said, abs=5000)


@pytest.mark.parametrize("clock", [0, 12, -5, 4_080_000_000, 1e300, -1e300])
def test_a_clock_that_is_wrong_gives_the_time_of_arrival(
    running: Running, publisher: Publisher, clock: float
) -> None:
    publisher.reading(1, time=clock)
    running.wait_for(t.reading, 1)
    (row,) = running.rows(t.reading)
    assert row.source == t.BY_ARRIVAL
    assert abs(row.time - time.time() * 1000) < 60_000 < EARLIEST_MS
    assert row.said is not None


def test_the_feed_tells_what_is_new_and_no_copies(running: Running, publisher: Publisher) -> None:
    with running.feed.subscribe() as subscription:
        publisher.reading(1, value=4)
        publisher.reading(1, value=4)
        publisher.reading(2, value=5, time=int(time.time()) - 600)
        publisher.publish("petrel/a/status", "offline")
        events: list[Event] = []
        while len(events) < 4:
            found = subscription.take(60)
            assert found, events
            events += found
    told = [(event.kind, event.field, event.value, event.fresh) for event in events]
    assert told == [
        ("reading", "light", 4.0, True), ("reading", "light", 5.0, False),
        ("status", "", "offline", True), ("log", "warning", "is offline", True),
    ]  # fmt: skip
    assert events[0].name == "a" and events[0].unit == "lx"
