"""Where the programs of inside/ run: a folder with the .mpy files and a ROMFS, and a broker.

Client and broker have a processor each where there are two: what is measured is the client.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.make.compile import RECORD, compile_all, modules
from tools.make.names import short
from tools.make.romfs import romfs
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import LIB, MICROPYTHON, NO_32
from tools.shared.process import popen

INSIDE = Path(__file__).parent / "inside"
OPTIMISE = 2  # as for the boards
HOST = "127.0.0.1"  # these four are those of inside/meter.py
TOPIC = "bench/topic"
PAYLOAD = b"x" * 64
WARM_UP = 16
DEADLINE_S = 60.0
# Nothing that waits for a slow client may be dropped.
UNLIMITED = ("max_queued_messages 0", "max_queued_bytes 0")


def processors() -> list[int]:
    """The numbers of the processors that may be used; where the system tells none, just 0."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def pinned(number: int) -> list[str]:
    """What to begin a command with that shall run on the processor of that number, from 0."""
    usable = processors()
    taskset = shutil.which("taskset")
    if taskset is None or number >= len(usable) or len(usable) < 2:
        return []
    return [taskset, "-c", str(usable[number])]


class PinnedBroker(Broker):
    """Mosquitto on the first processor, without limits to its queues."""

    def __init__(self) -> None:
        super().__init__(settings=UNLIMITED)

    def _command(self, conf: Path) -> list[str]:
        return [*pinned(0), *super()._command(conf)]


class Place:
    """A folder in which MicroPython finds lib/mqtt and inside/ as .mpy files.

    All paths in it are relative: their length is a part of the RAM that a module takes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        compile_all(modules(LIB / "mqtt", "mqtt/"), folder / "lib", OPTIMISE, text=short)
        compile_all(modules(INSIDE), folder / "inside", OPTIMISE)
        shutil.copytree(INSIDE, folder / "source", dirs_exist_ok=True)

    @cached_property
    def image(self) -> Path:
        """A ROMFS with lib/."""
        with TemporaryDirectory() as copy:
            shutil.copytree(
                self.folder / "lib", copy, ignore=lambda *_: [RECORD], dirs_exist_ok=True
            )
            return romfs(Path(copy), self.folder / "rom.img")

    def mpy(self, module: str) -> Path:
        """The .mpy file of a module of lib/; it need not exist."""
        path = self.folder / "lib" / module.replace(".", "/")
        return path / "__init__.mpy" if path.is_dir() else path.with_suffix(".mpy")

    def command(self, bits: str, program: str, *arguments: object, heap: str = "") -> list[str]:
        """The command that runs a module of inside/ in a heap of that size."""
        return self._interpreter(bits, heap, "-m", program, *arguments)

    def script(self, bits: str, program: str, *arguments: object, heap: str = "") -> list[str]:
        """The same from its source, as a user's own program is run."""
        return self._interpreter(bits, heap, f"source/{program}.py", *arguments)

    def from_rom(self, program: str, *arguments: object, heap: str = "") -> list[str]:
        """The same with lib/ in a ROMFS; 32 bit."""
        return self.script("32", "from_rom", self.image.name, program, *arguments, heap=heap)

    def _interpreter(self, bits: str, heap: str, *arguments: object) -> list[str]:
        if not MICROPYTHON[bits].exists():
            why = NO_32.read_text() if bits == "32" and NO_32.exists() else "run make setup"
            raise ToolError(f"there is no {bits}-bit MicroPython", why)
        options = ["-X", f"heapsize={heap}"] if heap else []
        return [str(MICROPYTHON[bits]), *options, *map(str, arguments)]

    def start(self, command: Sequence[str], anywhere: bool = False) -> subprocess.Popen[str]:
        """Start a command here, on the second processor or on any."""
        return popen(
            [*([] if anywhere else pinned(1)), *command],
            cwd=self.folder,
            env={**os.environ, "MICROPYPATH": "lib:inside:.frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, command: Sequence[str]) -> str:
        """The last line that a command prints. Raises ToolError if it fails or takes too long."""
        process = self.start(command)
        with Deadline(process):
            output, _ = process.communicate()
        return last_line(process, command, output)

    def runs(self, command: Sequence[str], deadline_s: float) -> bool:
        """True if a command prints `done` last, in time. Many may run at the same time."""
        process = self.start(command, anywhere=True)
        with Deadline(process, deadline_s):
            output, _ = process.communicate()
        return process.returncode == 0 and output.endswith("done\n")

    def run_fed(self, command: Sequence[str], broker: Broker, count: int, qos: int) -> str:
        """The last line of a command that, once it says `ready`, receives `count` messages.

        It is told to begin when the broker has all of them.
        """
        process = self.start(command)
        assert process.stdin and process.stdout
        with Deadline(process):
            if process.stdout.readline() == "ready\n":
                _publish(broker, WARM_UP + count, qos)
                process.stdin.write("go\n")
            output, _ = process.communicate()
        return last_line(process, command, output)


class Deadline:
    """Ends a process that takes too long."""

    def __init__(self, process: subprocess.Popen[str], seconds: float = DEADLINE_S) -> None:
        self._timer = threading.Timer(seconds, process.kill)
        self._process = process

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()


def last_line(process: subprocess.Popen[str], command: Sequence[str], output: str) -> str:
    """What a program that went well printed last."""
    lines = output.strip().splitlines()
    if process.returncode == 0 and lines:
        return lines[-1]
    name = " ".join(re.sub(r".*/", "", word) for word in command)
    why = lines[-1] if lines else f"it printed nothing (status {process.returncode})"
    raise ToolError(f"{name} failed: {why}", "run make test: the client may be broken")


def _publish(broker: Broker, count: int, qos: int) -> None:
    """Publish to the topic, as fast as can be; returns when the broker has taken all of it."""
    with socket.create_connection((broker.host, broker.port), DEADLINE_S) as stream:
        stream.sendall(b"\x10\x10\0\4MQTT\4\2\0\0\0\4feed")
        _read(stream, 4)
        stream.sendall(_packet(qos) * (count - 1) + _packet(qos))
        if qos == 0:
            stream.sendall(b"\xc0\0")  # PINGREQ: answered after all that came before
        _read(stream, 4 * count if qos else 2)


def _packet(qos: int) -> bytes:
    body = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + (b"\0\1" if qos else b"") + PAYLOAD
    return bytes((0x30 | qos << 1, len(body))) + body


def _read(stream: socket.socket, size: int) -> None:
    while size:
        found = len(stream.recv(size))
        if not found:
            raise ToolError("the broker closed the connection", "run make bench again")
        size -= found
