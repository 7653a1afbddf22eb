"""What MicroPython's `time` has beyond Python's."""

from __future__ import annotations

import time

PERIOD = 1 << 62  # the ticks wrap after that many, as in a 64-bit MicroPython


def ticks_ms() -> int:
    return time.monotonic_ns() // 1_000_000 & PERIOD - 1


def ticks_us() -> int:
    return time.monotonic_ns() // 1000 & PERIOD - 1


def ticks_add(ticks: int, delta: int) -> int:
    return ticks + delta & PERIOD - 1


def ticks_diff(later: int, earlier: int) -> int:
    half = PERIOD >> 1
    return (later - earlier + half & PERIOD - 1) - half


def sleep_ms(ms: int) -> None:
    time.sleep(max(0, ms) / 1000)


def sleep_us(us: int) -> None:
    time.sleep(max(0, us) / 1_000_000)
