"""The MQTT clients in Python itself: some of the tests that MicroPython has to pass; the wheel.

`make conformance CPYTHON=1` runs every test of conformance so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.conformance.conftest import Client, far  # noqa: F401
from host_tests.conformance.far import FarEnd
from host_tests.conformance.test_delivery import (  # noqa: F401
    test_an_acknowledged_identifier_is_free_for_another_message,
    test_qos_1_is_done_with_its_own_puback_alone,
)
from host_tests.harness.interpreter import IN_PYTHON, Interpreter
from host_tests.interop import device
from host_tests.test_clients import (  # noqa: F401
    test_asyncio_features,
    test_both_ways,
    test_broker_killed_during_qos1_traffic_loses_nothing,
    test_once_and_robust,
)
from host_tests.test_websocket import *  # noqa: F403
from tools.play.broker import Broker
from tools.shared.paths import ROOT


class InPython(Client):
    in_python = True


@pytest.fixture(params=[*device.CLIENTS, *(f"{kind}-5" for kind in device.CLIENTS)])
def client(request: pytest.FixtureRequest, far: FarEnd) -> Iterator[Client]:  # noqa: F811
    kind, _, five = request.param.partition("-")
    far.version = 5 if five else 4
    with InPython(kind, far) as made:
        yield made


@pytest.fixture
def interpreter() -> Interpreter:
    return IN_PYTHON


def test_from_a_wheel(tmp_path: Path, broker: Broker) -> None:
    """What pip installs is enough, and changes nothing in the program but `mqtt`."""
    source, there = tmp_path / "source", tmp_path / "there"
    source.mkdir()
    for name in ("tools", "lib", "boards", "firmware"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, source)
    made = subprocess.run(
        [sys.executable, "-m", "pip", "-q", "install", "--no-build-isolation", "--no-deps",
         "--no-compile", "--target", str(there), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    program = """if True:
        import sys, time, select
        from mqtt.simple import MQTTClient
        client = MQTTClient("wheel", "127.0.0.1", int(sys.argv[1]), keepalive=5)
        client.connect()
        client.publish("wheel", "x", qos=1)
        client.disconnect()
        assert not hasattr(time, "ticks_ms") and bytearray is type(bytearray())
        print(select.poll.__module__, "mqtt.engine.core" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", program, str(broker.port)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(there)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == "select True\n", done.stdout + done.stderr
