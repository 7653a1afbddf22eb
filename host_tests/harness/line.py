"""A serial line with a bridge at its end: what a board writes, a real `make bridge` process gets.

The board's end is a socket, the bridge's a pseudo terminal; a thread carries the bytes between
them, and can lose, change and double them, or be a port with a small buffer.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.play.broker import Broker
from tools.shared.paths import ROOT
from tools.shared.process import popen

Damage = Callable[[bytes], bytes]


class Line:
    """The cable. `board` is the board's end, `port` the name of the bridge's. A context manager.

    room: bytes that the board's port holds; what comes while it is full is lost
    to_board, to_bridge: change what is carried; received: all that the board was sent
    """

    def __init__(self, folder: Path, room: int = 1 << 16) -> None:
        self.port = folder / "port"
        self.room = room
        self.to_board: Damage = bytes
        self.to_bridge: Damage = bytes
        self.received = bytearray()
        self.board, self._far = socket.socketpair()
        self.board.setblocking(False)
        self._wake, self._woken = os.pipe()
        self._master = self._slave = -1
        self._lock = threading.Lock()
        self._ended = False
        self.plug_in()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = True
        os.write(self._woken, b"x")
        self._thread.join()
        self.unplug()
        for end in (self.board, self._far):
            end.close()
        os.close(self._wake)
        os.close(self._woken)

    def plug_in(self) -> None:
        """The port appears on the host, under the same name."""
        with self._lock:
            self._master, self._slave = pty.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self.port.unlink(missing_ok=True)
            self.port.symlink_to(os.ttyname(self._slave))
        os.write(self._woken, b"x")

    def unplug(self) -> None:
        """It goes away."""
        with self._lock:
            self.port.unlink(missing_ok=True)
            if self._master >= 0:
                os.close(self._slave)
                os.close(self._master)
            self._master = self._slave = -1

    def _carry(self) -> None:
        while not self._ended:
            with self._lock:
                master = self._master
            ends: list[int | socket.socket] = [self._far, self._wake]
            if master >= 0:
                ends.append(master)
            ready, _, _ = select.select(ends, [], [], 1)
            with self._lock:
                if self._wake in ready:
                    os.read(self._wake, 64)
                if self._far in ready:
                    self._from_board()
                if master in ready and master == self._master:
                    self._from_bridge()

    def _from_board(self) -> None:
        data = self.to_bridge(self._far.recv(4096))
        if self._master >= 0:
            with contextlib.suppress(OSError):  # nobody reads: lost, as on USB
                os.write(self._master, data)

    def _from_bridge(self) -> None:
        with contextlib.suppress(OSError):
            data = self.to_board(os.read(self._master, 4096))
            waits = struct.unpack("i", fcntl.ioctl(self.board, termios.FIONREAD, b"\0" * 4))[0]
            data = data[: max(0, self.room - waits)]
            self.received += data
            self._far.send(data)


class BridgeProcess:
    """`python -m tools bridge`; a context manager. `lines`: what it has printed."""

    def __init__(
        self, port: Path | str, broker: Broker, *options: str, stdin: int = subprocess.DEVNULL
    ) -> None:
        self._stdin = stdin
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._command = [sys.executable, "-m", "tools", "bridge", "--port", str(port)]
        self._command += ["--host", f"{broker.host}:{broker.port}", *options]
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> BridgeProcess:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        print("the bridge:", *self.lines, sep="\n  ")  # pytest shows it where a test fails

    def start(self) -> None:
        """Start it; returns when it has the port."""
        before = len(self.lines)
        self._process = popen(
            self._command, cwd=ROOT, stdin=self._stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self.wait(r"is open", before)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process:
            self._process.kill()
        self._join()

    def stop(self) -> int:
        """End it as a service manager does; returns its exit status."""
        assert self._process
        self._process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Wait until it ends of itself; returns its exit status."""
        assert self._process
        status = self._process.wait(10)
        self._join()
        return status

    def _join(self) -> None:
        process, self._process = self._process, None
        if process:
            process.wait(10)
        if self._reader:
            self._reader.join(10)

    def wait(self, pattern: str, start: int = 0, timeout: float = 40) -> int:
        """Wait for a line from `start` on; returns the index after it."""

        def found() -> int | None:
            for index in range(start, len(self.lines)):
                if re.search(pattern, self.lines[index]):
                    return index + 1
            return None

        with self._changed:
            result = self._changed.wait_for(found, timeout)
        if not result:
            shown = "\n  ".join(self.lines[-15:])
            raise TimeoutError(f"no line like {pattern!r} within {timeout} s:\n  {shown}")
        return result

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as output:
            for line in output:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()


class Script:
    """A script inside MicroPython at the board's end of a line; a context manager."""

    def __init__(self, command: list[str], line: Line, **options: Any) -> None:
        self._command = [*command, str(line.board.fileno())]
        self._options = {**options, "pass_fds": (line.board.fileno(),)}
        self._process: subprocess.Popen[str] | None = None
        self.output = ""

    def __enter__(self) -> Script:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        print("the board:", self.output, sep="\n")

    def start(self) -> None:
        """Start it."""
        self._process = popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._options
        )

    def kill(self) -> None:
        """End it, as a reset does; what it printed is in `output`."""
        process, self._process = self._process, None
        if process:
            process.kill()
            self.output += process.communicate()[0]
