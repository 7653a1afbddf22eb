"""The monitor shows readings, survives garbage, and says why a broker is not to be had."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from paho.mqtt.publish import multiple

from tools.broker import Broker
from tools.monitor import Readings
from tools.paths import ROOT

COMMAND = [sys.executable, "-m", "tools", "monitor", "--plain"]


def test_readings_arrive_as_lines(broker: Broker) -> None:
    reading = ("petrel/n1/light", '{"value": 1.5, "unit": "V"}', 1, True)
    multiple([reading], hostname=broker.host, port=broker.port)
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


def test_garbage_is_shown_and_does_no_harm() -> None:
    readings = Readings("petrel")
    for payload in ("", "{", "[1]", '{"value": null}', "\x00", "9" * 1000):
        readings.take("petrel/n/s", payload)
    assert readings.take("other/topic", "x") is None
    assert readings.take("petrel", "x") is None
    readings.take("petrel/n/status", "online")
    assert readings.table().row_count == 1
