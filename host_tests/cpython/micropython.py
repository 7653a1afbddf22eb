"""What lib/ imports from MicroPython, for the pure modules that also run under CPython."""

import time


def const(value):
    """MicroPython's compiler folds it; here it is the value."""
    return value


if not hasattr(time, "ticks_diff"):
    time.ticks_ms = lambda: time.monotonic_ns() // 1_000_000
    time.ticks_diff = lambda a, b: a - b
    time.ticks_add = lambda a, b: a + b


class Bytes(bytearray):
    """bytearray as MicroPython has it: extend() takes str as well."""

    def extend(self, data):
        super().extend(data.encode() if isinstance(data, str) else data)


class Poll:
    """select.poll of streams in memory, which can always be written to."""

    def __init__(self):
        self._streams = []

    def register(self, stream, _):
        self._streams.append(stream)

    def modify(self, stream, _):
        pass

    def unregister(self, stream):
        self._streams.remove(stream)

    def ipoll(self, _):
        return [(stream, Select.POLLOUT) for stream in self._streams]


class Select:
    """The module select."""

    POLLIN, POLLOUT = 1, 4
    poll = Poll


class Stream:
    """What a core is handed: each write is told to `on_write`; `unread` is what it reads."""

    def __init__(self, on_write):
        self._on_write = on_write
        self.unread = b""

    def write(self, data, at, n):
        self._on_write(bytes(memoryview(data)[at : at + n]))
        return n

    def readinto(self, buffer, n):
        data, self.unread = self.unread[:n], self.unread[n:]
        buffer[: len(data)] = data
        return len(data) or None

    def close(self):
        pass


def prepare(core, clock):
    """Let mqtt.engine.core run under CPython, by that clock."""
    core.select = Select
    core.bytearray = Bytes
    core.ticks_ms = clock
