"""A device and a broker in networks of their own, and a wire that loses their packets."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.faults.conftest import note
from host_tests.faults.wire import Network, Wire
from host_tests.harness.interpreter import WIDTHS, interpreter
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

SCRIPT = Path(__file__).parent.parent / "scripts" / "reporter.py"
KEEPALIVE = 4


class FarBroker(Broker):
    """A Mosquitto in a network of its own; who watches uses a socket in the file system."""

    def __init__(self, network: Network, watch: Path) -> None:
        super().__init__(persistence=True)
        self.network = network
        self.watch = watch
        self.host = network.address

    def _popen(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        return self.network.popen(command, **options)

    def _config(self, port: int) -> str:
        return super()._config(port) + f"\nlistener 0 {self.watch}\nallow_anonymous true\n"


class Reporter:
    """The device; what it says, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self.lines.append((time.monotonic(), line.strip()))
                self._changed.notify_all()

    def wait(self, word: str, timeout: float, start: int = 0) -> float:
        """Wait for a line that begins with the word; returns when it came."""

        def found() -> list[float]:
            return [at for at, line in self.lines[start:] if line.startswith(word)]

        with self._changed:
            if not self._changed.wait_for(found, timeout):
                raise TimeoutError(f"no {word} within {timeout} s; {self.lines[-5:]}")
            return found()[0]

    def accepted(self) -> list[int]:
        """The numbers that were accepted."""
        return [int(line.split()[1]) for _, line in self.lines if line.startswith("accepted")]


class Lab:
    """A device, the wire between it and the broker, and what arrives there."""

    def __init__(self, reporter: Reporter, wire: Wire, seen: Subscriber) -> None:
        self.reporter = reporter
        self.wire = wire
        self.seen = seen

    def whole(self) -> None:
        """All that was accepted until now arrives."""
        newest = self.reporter.accepted()[-1]
        assert self.seen.seen(lambda *_: newest in self.seen.sequence()[-200:], 40)
        got = list(dict.fromkeys(self.seen.sequence()))
        assert got[:newest] == list(range(1, newest + 1)), "lost, or out of order"
        slowest = max(
            int(line.split()[2]) for _, line in self.reporter.lines if line.startswith("acc")
        )
        assert slowest < 1000, f"a step took {slowest} ms"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    near, far = Network("10.78.0.1", "10.78.0.2"), Network("10.78.0.2", "10.78.0.1")
    machine = interpreter(WIDTHS[-1])
    try:
        with near.popen(["true"], stderr=subprocess.PIPE):
            os.close(near.tun)
    except OSError as error:
        pytest.skip(f"this kernel gives no network of our own, or no /dev/net/tun: {error}")
    with FarBroker(far, tmp_path / "watch") as broker:
        command = machine.command(
            SCRIPT, [broker.host, str(broker.port), str(KEEPALIVE)], heap="512K"
        )
        process = near.popen(
            command, env=machine.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            with Wire(near, far) as wire, Subscriber(broker, socket=tmp_path / "watch") as seen:
                reporter = Reporter(process)
                reporter.wait("up", 15)
                yield Lab(reporter, wire, seen)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.fault("half-open")
def test_packets_that_vanish_are_noticed_in_time(lab: Lab) -> None:
    for _ in range(2):
        time.sleep(1)
        start = len(lab.reporter.lines)
        dead = time.monotonic()
        lab.wire.dead = True
        noticed = lab.reporter.wait("lost", 1.5 * KEEPALIVE + 6, start) - dead
        note(f"half-open, lost packets: noticed, with a keep alive of {KEEPALIVE} s", noticed)
        assert noticed <= 1.5 * KEEPALIVE + 4, f"noticed after {noticed:.1f} s"
        time.sleep(2)
        lab.wire.dead = False
        lab.reporter.wait("up", 30, len(lab.reporter.lines))
    lab.whole()


@pytest.mark.fault("delay")
def test_packets_that_come_late_or_not_at_all(lab: Lab) -> None:
    """50 ms each way, and every tenth packet lost: TCP slows down, and nothing is lost."""
    lab.wire.delay_s = 0.05
    lab.wire.loss = 0.1
    time.sleep(12)
    lab.wire.loss = 0.0
    assert lab.wire.lost > 5
    lab.whole()
