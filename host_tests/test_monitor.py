"""The monitor shows readings, survives garbage, and says why there is no broker."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.publish import multiple
from paho.mqtt.reasoncodes import ReasonCode
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.talk.connection import Connection, address
from tools.talk.monitor_screen import Screen, _cell
from tools.talk.readings import Readings

COMMAND = [sys.executable, "-m", "tools", "monitor", "--plain"]
READING = ("petrel/n1/light", '{"value": 1.5, "unit": "V"}', 1, True)


def test_readings_arrive_as_lines(broker: Broker) -> None:
    multiple([READING], hostname=broker.host, port=broker.port)
    command = [*COMMAND, "--host", f"{broker.host}:{broker.port}", "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "n1 light 1.5 V" in done.stdout.splitlines()


def test_no_broker_is_one_clear_message(broker: Broker) -> None:
    broker.kill()
    command = [*COMMAND, "--host", f"{broker.host}:{broker.port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no broker at 127.0.0.1:{broker.port}")
    assert "Traceback" not in done.stderr


def test_a_refusal_is_said_in_words(broker_factory: Callable[..., Broker]) -> None:
    broker = broker_factory(users={"u": "p"})
    command = [*COMMAND, "--host", f"{broker.host}:{broker.port}", "--seconds", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Not authorized" in done.stderr


def test_a_forbidden_subscription_is_said() -> None:
    connection = Connection(address("127.0.0.1:1"), "petrel/#")
    refusal = ReasonCode(PacketTypes.SUBACK, identifier=0x80)
    connection._on_subscribe(connection.client, None, 1, [refusal], None)
    with pytest.raises(ToolError, match="refused: the subscription to petrel/#"):
        connection.check()


def test_what_is_no_broker_is_told_from_one_without_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.talk.connection.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        with pytest.raises(ToolError, match=f"{host}:{port} doesn't answer as an MQTT broker"):
            Connection(address(f"{host}:{port}"), "petrel/#").open()


def test_a_lost_broker_is_said_and_so_is_its_return(broker: Broker) -> None:
    multiple([READING], hostname=broker.host, port=broker.port)
    command = [*COMMAND, "--host", f"{broker.host}:{broker.port}"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as monitor:
        assert monitor.stdout
        assert monitor.stderr
        try:
            assert monitor.stdout.readline() == "n1 light 1.5 V\n"
            broker.kill()
            assert "is lost; trying again" in monitor.stderr.readline()
            broker.start()
            assert monitor.stderr.readline() == "connected again\n"
        finally:
            monitor.kill()


def test_a_serial_port_in_the_environment_disturbs_nobody(broker: Broker) -> None:
    command = [*COMMAND, "--host", f"{broker.host}:{broker.port}", "--seconds", "0.1"]
    environment = {**os.environ, "PORT": "/dev/ttyUSB0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "x"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    command = [*COMMAND, "--seconds", seconds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --seconds: ")
    assert "--help" in done.stderr


# --- many nodes


def many() -> Readings:
    readings = Readings("petrel")
    for n in range(200):
        readings.take(f"petrel/n{n:03}/status", "offline" if n % 50 == 7 else "online")
        readings.take(f"petrel/n{n:03}/light", json.dumps({"value": n, "unit": "lx"}))
        readings.take(f"petrel/n{n:03}/door", json.dumps({"value": n % 2, "unit": ""}))
    return readings


def test_nodes_that_are_offline_come_first() -> None:
    rows = many().shown()
    assert len(rows) == 400
    assert [cells[0] for cells in rows[:9:2]] == ["n007", "n057", "n107", "n157", "n000"]


@pytest.mark.parametrize(
    ("wanted", "count"), [("", 400), ("door", 200), ("OFFLINE light", 4), ("n01", 20), ("no", 0)]
)
def test_a_filter_shows_what_has_all_its_words(wanted: str, count: int) -> None:
    assert len(many().shown(wanted)) == count


def test_a_node_that_has_only_a_status_is_shown() -> None:
    readings = Readings("petrel")
    readings.take("petrel/n1/status", "offline")
    assert readings.shown() == [("n1", "offline", "", "", "", "", "")]
    assert readings.summary() == "1 node, 1 offline, 0 sensors"


def test_the_table_scrolls_is_filtered_and_follows_what_arrives() -> None:
    readings = many()

    async def look() -> None:
        screen = Screen(readings, Connection(address("127.0.0.1:1"), "petrel/#"))
        async with screen.run_test(size=(80, 24)) as pilot:
            table = screen.query_one(DataTable)
            assert table.row_count == 400
            assert str(table.get_cell_at(Coordinate(0, 0))) == "n007"
            await pilot.press(*["pagedown"] * 3)
            assert table.scroll_y > 0
            await pilot.press(*"n042 light")
            assert table.row_count == 1
            readings.take("petrel/n042/light", '{"value": 4711, "unit": "lx"}')
            screen.show()
            assert str(table.get_cell_at(Coordinate(0, 3))) == "4711"

    asyncio.run(look())


GARBAGE = ["", "{", "[1]", '{"value": null}', "\0", "9" * 1000, "[" * 100_000]
HOSTILE = ["[/x]", "[bold]", "\x1b[2J\x1b[31m", "\r\n\a"]


@pytest.mark.parametrize("payload", GARBAGE + HOSTILE, ids=lambda text: repr(text[:12]))
def test_garbage_is_shown_and_does_no_harm(payload: str) -> None:
    readings = Readings("petrel")
    reading = json.dumps({"value": payload, "unit": payload})
    for topic in ("status", "s", f"s{payload[:9]}", "diagnostics", "reply/ping"):
        line = readings.take(f"petrel/n/{topic}", payload)
        assert line is None or line.isprintable()
    readings.take("petrel/n/s", reading)
    cells = [cell for row in readings.shown() for cell in row]
    assert all(cell.isprintable() for cell in cells)
    assert payload not in HOSTILE[:2] or payload in cells
    assert all(_cell("value", cell).plain == cell for cell in cells)  # as it is, not as markup


def test_only_what_is_below_the_base_is_a_nodes() -> None:
    readings = Readings("petrel")
    assert readings.take("other/n/s", '{"value": 1}') is None
    assert readings.take("petrel", "x") is None
    assert readings.take("petrel/n", "x") is None
    assert readings.shown() == []


def test_json_lines_are_json(broker: Broker) -> None:
    multiple(
        [READING, ("petrel/n1/status", "online", 1, True)], hostname=broker.host, port=broker.port
    )
    command = [*COMMAND, "--json", "--host", f"{broker.host}:{broker.port}", "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert sorted(map(json.loads, done.stdout.splitlines()), key=lambda said: said["topic"]) == [
        {"topic": "petrel/n1/light", "payload": {"value": 1.5, "unit": "V"}},
        {"topic": "petrel/n1/status", "payload": "online"},
    ]
