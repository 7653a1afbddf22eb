"""What lib/ imports from MicroPython, for the pure modules that also run under CPython."""

import io
import time


def const(value):
    """MicroPython's compiler folds it; here it is the value."""
    return value


if not hasattr(time, "ticks_diff"):
    time.ticks_ms = lambda: time.monotonic_ns() // 1_000_000
    time.ticks_diff = lambda a, b: a - b
    time.ticks_add = lambda a, b: a + b


class TextStream(io.BytesIO):
    """io.BytesIO as MicroPython has it: write() takes str as well, readinto() a length."""

    def __init__(self, size=0):
        super().__init__()

    def write(self, data):
        return super().write(data.encode() if isinstance(data, str) else data)

    def readinto(self, buffer, n=-1):
        data = self.read(n)
        buffer[: len(data)] = data
        return len(data)
