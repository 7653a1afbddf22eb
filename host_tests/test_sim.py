"""`sim` and `broker`: what somebody without a board types first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from tools.make.package import build
from tools.play.broker import Broker, free_port
from tools.play.sim.bench import WIFI
from tools.play.sim.command import example, network
from tools.play.sim.serial_port import SerialPort
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT
from tools.shared.process import popen


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A command of the host program, which is ended at last."""
    process = popen([sys.executable, "-m", "tools", *command], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_sim_joins_the_network_that_the_config_names(broker: Broker, tmp_path: Path) -> None:
    build("UNIX", quiet=True)
    config = {
        "node": "sim",
        "wifi": {"ssid": "home", "password": "correct horse"},
        "mqtt": {"host": broker.host, "port": broker.port},
        "sensors": [],
    }
    (tmp_path / "my.json").write_text(json.dumps(config))
    flash = os.path.relpath(tmp_path / "flash", ROOT)  # as one types it
    with (
        Subscriber(broker) as seen,
        running("sim", "--config", str(tmp_path / "my.json"), "--flash", flash),
    ):
        assert seen.wait("petrel/sim/status", 20) == "online"


def test_a_board_without_wifi_gets_it_over_the_serial_port_of_sim(
    broker: Broker, tmp_path: Path
) -> None:
    build("UNIX", quiet=True)
    config = {
        "node": "sim",
        "wifi": {},
        "mqtt": {"host": broker.host, "port": broker.port},
        "sensors": [],
    }
    file = tmp_path / "my.json"
    file.write_text(json.dumps(config))
    flash = str(tmp_path / "flash")
    with (
        Subscriber(broker) as seen,
        running("sim", "--config", str(file), "--flash", flash, "--serial") as process,
    ):
        assert process.stdout
        port = process.stdout.readline().strip().partition("PORT=")[2]
        command = [sys.executable, "-m", "tools", "provision", "--port", port]
        done = subprocess.run(
            [*command, "--ssid", WIFI["ssid"]],
            cwd=ROOT, capture_output=True, text=True, timeout=90,
            env={**os.environ, "PETREL_WIFI_PASSWORD": WIFI["password"]},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert seen.wait("petrel/sim/status", 60) == "online"


def test_what_nobody_reads_from_the_serial_port_does_not_hold_up_the_board() -> None:
    shown: Queue[str] = Queue()
    with SerialPort(shown.put) as port:
        for number in range(2000):  # far more than a line of the system holds
            os.write(port.board, b"line %d\n" % number)
        for number in range(2000):
            assert shown.get(timeout=60) == f"line {number}"


def test_the_example_of_sim_is_a_config_that_a_board_takes(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(example()))
    command = [sys.executable, "-m", "tools", "check", "UNIX", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert network(config) == WIFI


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"wifi": 5}', '{"wifi": {}}'])
def test_a_config_without_a_network_gets_the_bench_s(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    assert network(tmp_path / "config.json") == WIFI


def test_a_broker_for_those_who_have_none() -> None:
    port = free_port()
    with running("broker", "--port", str(port)) as process:
        assert process.stdout
        assert str(port) in process.stdout.readline()
        command = [sys.executable, "-m", "tools", "broker", "--port", str(port)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert f"port {port} is taken" in second.stderr
        assert "HOST=" in second.stderr


def sim(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "sim", "--flash", str(tmp_path / "flash")]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_it_ends_when_the_board_cannot_run(tmp_path: Path) -> None:
    done = sim(tmp_path, "--heap", "1K")
    assert done.returncode == 1 and "error: the board's process ended" in done.stderr
    assert "CONFIG=file" in done.stdout


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ("{,}", "parts.json: "),
        ("[]", "parts.json: each pin needs an object with its model"),
        (json.dumps({"adc:34": 5}), "parts.json: each pin needs an object with its model"),
        (json.dumps({"adc:34": {"model": "sine"}}), "no model 'sine'"),
        (json.dumps({"adc:34": {"model": "constant", "volt": 1}}), "keyword argument 'volt'"),
        (json.dumps({"i2c:1,2": {"model": "bme280", "t": 1}}), "Bme280 measures no 't'"),
        (json.dumps({"wire:1": {"model": "dht22", "t": 1}}), "keyword argument 't'"),
    ],
)
def test_parts_that_there_are_not(parts: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "parts.json"
    file.write_text(parts)
    done = sim(tmp_path, "--parts", str(file))
    assert done.returncode == 1 and done.stderr.startswith("error: ") and said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_heap_that_is_no_size(tmp_path: Path) -> None:
    done = sim(tmp_path, "--heap", "much")
    assert done.returncode == 1 and "'much' is not a size" in done.stderr
