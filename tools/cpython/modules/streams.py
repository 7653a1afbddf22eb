"""MicroPython's socket, select.poll and io.IOBase.

A stream says what it waits for with `interest(flags)`: what it can do at once, the number of a
file, and what to wait for there. One of lib/ has MicroPython's ioctl() instead, and moves when the
stream below it does; where that can't be told, it is asked again and again.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from typing import Any

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
_ASK = 3  # the request of ioctl() that asks what can be done
_AGAIN_MS = 10  # until streams without a file are asked again
Interest = tuple[int, int, int]


class IOBase:
    """What a stream derives from. Python's own would close itself when it is freed."""


class Socket:
    """A socket with the methods of MicroPython's stream protocol."""

    def __init__(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, proto: int = 0
    ):
        self.real = socket.socket(family, kind, proto)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def interest(self, flags: int) -> Interest:
        return 0, self.real.fileno(), flags

    def readinto(self, buffer: Any, n: int = -1) -> int | None:
        """Read up to n bytes; None if there are none yet, 0 at the end."""
        try:
            return self.real.recv_into(buffer, len(buffer) if n < 0 else n)
        except (BlockingIOError, InterruptedError):
            return None

    def write(self, data: Any, at: int | None = None, n: int | None = None) -> int | None:
        """Write data, data[:at], or data[at : at + n]; None if there is no room."""
        if isinstance(data, str):
            data = data.encode()
        # Nothing may hold the buffer afterwards: its owner changes its size.
        with memoryview(data) as whole, part(whole, at, n) as piece:
            try:
                return self.real.send(piece)
            except (BlockingIOError, InterruptedError):
                return None

    def read(self, n: int = -1) -> bytes | None:
        """Read up to n bytes, or all there are until the end."""
        if n < 0:
            return b"".join(iter(lambda: self.real.recv(4096), b""))
        try:
            return self.real.recv(n)
        except (BlockingIOError, InterruptedError):
            return None

    def accept(self) -> tuple[Socket, Any]:
        real, address = self.real.accept()
        made = object.__new__(Socket)
        made.real = real
        return made, address


def part(whole: memoryview, at: int | None, n: int | None) -> memoryview:
    """What write(buffer), write(buffer, n) and write(buffer, at, n) mean."""
    if n is not None and at is not None:
        return whole[at : at + n]
    return whole[:at]


class Poll:
    """select.poll() of streams of any kind."""

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[Any, int]] = {}

    def register(self, stream: Any, flags: int = POLLIN | POLLOUT) -> None:
        if not any(hasattr(stream, name) for name in ("interest", "ioctl", "fileno")):
            raise OSError(22, "stream operation not supported")
        self._wanted[id(stream)] = stream, flags

    modify = register

    def unregister(self, stream: Any) -> None:
        self._wanted.pop(id(stream), None)

    def poll(self, ms: int = -1) -> list[tuple[Any, int]]:
        return list(self.ipoll(ms))

    def ipoll(self, ms: int = -1, _: int = 0) -> Iterator[tuple[Any, int]]:
        """What is ready, after at most `ms`; no limit below 0."""
        until = time.monotonic() + ms / 1000
        while True:
            left = None if ms < 0 else max(0, round((until - time.monotonic()) * 1000))
            found = self._look(left)
            if found or left == 0:
                return iter(found)

    def first(self, flags: int) -> Interest:
        """What the first stream waits for, of what it was registered for; always for bytes."""
        for stream, registered in self._wanted.values():
            _, number, wait = interest(stream, registered & (flags | POLLIN))
            return 0, number, wait
        return 0, -1, 0

    def _look(self, ms: int | None) -> list[tuple[Any, int]]:
        poll = select.poll()
        found: list[tuple[Any, int]] = []
        files: dict[int, tuple[Any, int]] = {}
        asked = False
        for stream, flags in list(self._wanted.values()):
            ready, number, wait = interest(stream, flags)
            if ready:
                found.append((stream, ready))
            elif number >= 0:
                poll.register(number, wait)
                files[number] = stream, flags
            else:
                asked = True
        if found:
            ms = 0
        elif asked:
            ms = _AGAIN_MS if ms is None else min(ms, _AGAIN_MS)
        for number, events in poll.poll(ms):
            stream, flags = files[number]
            found.append((stream, came(stream, flags, events)))
        return [each for each in found if each[1]]


def interest(stream: Any, flags: int) -> Interest:
    """What a stream can do now; and a file, and what to wait for there, if it can do nothing."""
    if hasattr(stream, "interest"):
        asked: Interest = stream.interest(flags)
        return asked
    if hasattr(stream, "ioctl"):
        ready = max(0, stream.ioctl(_ASK, flags))
        below = getattr(stream, "_poller", None)
        if ready or not isinstance(below, Poll):
            return ready, -1, 0
        return below.first(flags)
    return 0, stream.fileno(), flags


def came(stream: Any, flags: int, events: int) -> int:
    """What these events of its file mean for a stream."""
    if hasattr(stream, "ioctl"):
        events = max(0, stream.ioctl(_ASK, flags))
    elif hasattr(stream, "came"):
        events = stream.came(flags, events)
    return events
