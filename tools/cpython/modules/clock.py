"""What MicroPython's `time` has beyond Python's."""

from __future__ import annotations

import time

SET = 1_704_067_200  # 2024-01-01: anything earlier means that the clock isn't set
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


_ahead = 0  # s that the node's clock is ahead of this computer's, while that isn't set


def time_now() -> float:
    """The node's `time.time()`: this computer's clock, once it is set."""
    now = time.time()
    return now if now >= SET else now + _ahead


def gmtime(seconds: float | None = None) -> time.struct_time:
    return time.gmtime(time_now() if seconds is None else seconds)


def set_time(seconds: int) -> None:
    """Set the node's clock. Has no effect while this computer's is set: others look after that."""
    global _ahead
    _ahead = seconds - int(time.time())
