"""A Raspberry Pi whose pins and I2C bus are on the bench: `python -m host_tests.harness.pi CODE`.

gpiod and smbus2 are the real packages. Only what opens a device is replaced: it asks the bench
(tools.play.sim), as the simulated board does. PETREL_SYSFS is the root of the files that the
kernel shows.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import gpiod
import smbus2
from gpiod.line import Bias, Direction, Drive, Edge, Value

from boards.RPI import sysfs
from host_tests.harness.rig import PRELUDE, Rig
from tools.cpython import board
from tools.shared.paths import ROOT

RISING, FALLING = gpiod.EdgeEvent.Type.RISING_EDGE, gpiod.EdgeEvent.Type.FALLING_EDGE
SDA_SCL = "2,3"


class Bench:
    """The link to the bench: one connection for questions, one for events."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._questions = self._connect("questions")
        self._queues: list[queue.SimpleQueue[Any]] = []

    def _connect(self, greeting: str) -> Any:
        host, port = self._address.split(":")
        file = socket.create_connection((host, int(port))).makefile("rwb", buffering=0)
        file.write(greeting.encode() + b"\n")
        return file

    def ask(self, *words: object) -> str:
        with self._lock:
            self._questions.write(" ".join(map(str, words)).encode() + b"\n")
            answer: str = self._questions.readline().decode()[:-1]
        if answer.startswith("!"):
            raise ValueError(answer[1:])
        return answer

    def events(self) -> tuple[int, queue.SimpleQueue[Any]]:
        """The number that events of another line carry, and where they arrive."""
        self._queues.append(queue.SimpleQueue())
        if len(self._queues) == 1:
            threading.Thread(
                target=self._listen, args=(self._connect("events"),), daemon=True
            ).start()
        return len(self._queues) - 1, self._queues[-1]

    def _listen(self, file: Any) -> None:
        while event := file.read(2):
            number, level = event
            made = SimpleNamespace(event_type=RISING if level else FALLING, timestamp_ns=0)
            self._queues[number].put(made)


class Chip:
    def __init__(self, path: str) -> None:
        assert Path(path).exists(), path

    def __enter__(self) -> Chip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        pass

    def get_info(self) -> Any:
        return SimpleNamespace(label="pinctrl-bcm2711")


class Request:
    """What gpiod.request_lines() returns, for one line."""

    def __init__(self, bench: Bench, number: int, settings: gpiod.LineSettings) -> None:
        self._bench = bench
        self._number = number
        self._events: queue.SimpleQueue[Any] | None = None
        self.reconfigure_lines({number: settings})

    def reconfigure_lines(self, config: dict[int, gpiod.LineSettings]) -> None:
        ((number, settings),) = config.items()
        assert number == self._number
        output = settings.direction == Direction.OUTPUT
        mode = 0 if not output else 2 if settings.drive == Drive.OPEN_DRAIN else 1
        pull = {Bias.PULL_UP: 1, Bias.PULL_DOWN: 2}.get(settings.bias, 0)
        self._bench.ask("pin", number, mode, pull)
        if output:
            self.set_value(number, settings.output_value)
        if settings.edge_detection == Edge.BOTH and self._events is None:
            index, self._events = self._bench.events()
            self._bench.ask("irq", number, index)

    def get_value(self, number: int) -> Value:
        return Value.ACTIVE if self._bench.ask("get", number) == "1" else Value.INACTIVE

    def set_value(self, number: int, value: Value) -> None:
        self._bench.ask("set", number, int(value == Value.ACTIVE))

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        assert self._events is not None and isinstance(timeout, float)
        if self._events.empty():
            us = int(self._bench.ask("pulse", self._number, 1, int(timeout * 1e6)))
            if us > 0:
                for kind, at in ((RISING, 0), (FALLING, us * 1000)):
                    self._events.put(SimpleNamespace(event_type=kind, timestamp_ns=at))
        return not self._events.empty()

    def read_edge_events(self, max_events: int | None = None) -> list[Any]:
        assert self._events is not None
        return [self._events.get()]


class Bus:
    """smbus2.SMBus."""

    bench: Bench

    def __init__(self, path: str) -> None:
        assert Path(path).name == "i2c-1", path

    def i2c_rdwr(self, *messages: smbus2.i2c_msg) -> None:
        written, wanted = b"", None
        for each in messages:
            if each.flags & 1:
                wanted = each
            else:
                written += bytes(each)
        count = wanted.len if wanted is not None else 0
        answer = self.bench.ask("i2c", SDA_SCL, messages[0].addr, "=" + written.hex(), count)
        if answer in ("nack", "stuck"):
            raise OSError(121 if answer == "nack" else 110, answer)
        if wanted is not None:
            for i, byte in enumerate(bytes.fromhex(answer[1:])):
                wanted.buf[i] = bytes((byte,))


def install() -> None:
    """Have the Pi's modules find all that."""
    sysfs.root = Path(os.environ["PETREL_SYSFS"])
    bench = Bus.bench = Bench(os.environ["PETREL_BENCH"])

    def request_lines(path: str, consumer: str, config: dict[int, Any]) -> Request:
        assert Path(path).exists() and consumer == "petrel"
        ((number, settings),) = config.items()
        return Request(bench, number, settings)

    gpiod.Chip = Chip  # type: ignore[assignment, misc]
    gpiod.request_lines = request_lines  # type: ignore[assignment]
    smbus2.SMBus = Bus  # type: ignore[assignment, misc]


class PiRig(Rig):
    """A driver on a Pi, with the models of its parts; see Rig."""

    def __init__(
        self, bits: str, parts: dict[str, Any], files: Iterable[tuple[str, str]] = ()
    ) -> None:
        """files: what the kernel shows besides, as paths below its root, and their text."""
        super().__init__(bits, parts)
        self._folder = tempfile.TemporaryDirectory(prefix="petrel-pi-")
        self.root = Path(self._folder.name)
        for name, text in (("dev/gpiochip0", ""), ("dev/i2c-1", ""), *files):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def __enter__(self) -> PiRig:
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._folder.cleanup()

    def run(self, code: str, heap: str = "") -> list[Any]:
        done = subprocess.run(
            [sys.executable, "-m", "host_tests.harness.pi", PRELUDE + code],
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "PETREL_SYSFS": str(self.root),
                "PETREL_BENCH": f"127.0.0.1:{self._wire.port}",
            },
            capture_output=True, text=True, timeout=60, cwd=self.root, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line]


if __name__ == "__main__":
    install()
    board.run(sys.argv[1])
