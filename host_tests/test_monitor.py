"""The monitor shows readings, survives garbage, and says why a broker is not to be had."""

from __future__ import annotations

import io
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
from rich.console import Console

from tools.broker import Broker
from tools.errors import ToolError
from tools.monitor import Connection, Readings
from tools.paths import ROOT

COMMAND = [sys.executable, "-m", "tools", "monitor", "--plain"]
READING = ("petrel/n1/light", '{"value": 1.5, "unit": "V"}', 1, True)


def test_readings_arrive_as_lines(broker: Broker) -> None:
    multiple([READING], hostname=broker.host, port=broker.port)
    command = [*COMMAND, "--port", str(broker.port), "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "n1 light 1.5 V" in done.stdout.splitlines()


def test_no_broker_is_one_clear_message(broker: Broker) -> None:
    broker.kill()
    command = [*COMMAND, "--port", str(broker.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no broker at 127.0.0.1:{broker.port}")
    assert "Traceback" not in done.stderr


def test_a_refusal_is_said_in_words(broker_factory: Callable[..., Broker]) -> None:
    broker = broker_factory(users={"u": "p"})
    command = [*COMMAND, "--port", str(broker.port), "--seconds", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Not authorized" in done.stderr


def test_a_forbidden_subscription_is_said() -> None:
    connection = Connection("127.0.0.1", 1, "petrel/#")
    refusal = ReasonCode(PacketTypes.SUBACK, identifier=0x80)
    connection._on_subscribe(connection.client, None, 1, [refusal], None)
    with pytest.raises(ToolError, match="refused: the subscription to petrel/#"):
        connection.check()


def test_what_is_no_broker_is_told_from_one_without_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.monitor.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        with pytest.raises(ToolError, match=f"{host}:{port} does not answer as an MQTT broker"):
            Connection(host, port, "petrel/#").open()


def test_a_lost_broker_is_said_and_so_is_its_return(broker: Broker) -> None:
    multiple([READING], hostname=broker.host, port=broker.port)
    command = [*COMMAND, "--port", str(broker.port)]
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


def test_the_port_can_come_from_the_environment(broker: Broker) -> None:
    command = [*COMMAND, "--seconds", "0.1"]
    environment = {**os.environ, "PORT": str(broker.port)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr


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
    screen = io.StringIO()
    Console(file=screen, width=200).print(readings.table())
    assert "\x1b" not in screen.getvalue()
    assert payload not in HOSTILE[:2] or payload in screen.getvalue()


def test_only_what_is_below_the_base_is_a_nodes() -> None:
    readings = Readings("petrel")
    assert readings.take("other/n/s", '{"value": 1}') is None
    assert readings.take("petrel", "x") is None
    assert readings.take("petrel/n", "x") is None
    assert readings.table().row_count == 0


def test_json_lines_are_json(broker: Broker) -> None:
    multiple(
        [READING, ("petrel/n1/status", "online", 1, True)], hostname=broker.host, port=broker.port
    )
    command = [*COMMAND, "--json", "--port", str(broker.port), "--seconds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert sorted(map(json.loads, done.stdout.splitlines()), key=lambda said: said["topic"]) == [
        {"topic": "petrel/n1/light", "payload": {"value": 1.5, "unit": "V"}},
        {"topic": "petrel/n1/status", "payload": "online"},
    ]
