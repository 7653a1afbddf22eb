"""What the filters of the sensors promise for any input; these modules also run under CPython."""

from __future__ import annotations

import importlib
from array import array
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

importlib.import_module("micropython")  # the stub: gives `time` its ticks
analog: Any = importlib.import_module("sensors.analog")
digital: Any = importlib.import_module("sensors.digital")

PERIOD = 1 << 30  # of ticks_ms, as most ports have it
MICROVOLTS = st.integers(0, 3_300_000)


class Adc:
    """An ADC with calibration, whose samples the test sets."""

    def __init__(self, samples: list[int]) -> None:
        self._samples = iter(samples)

    def read_uv(self) -> int:
        return next(self._samples)


class World:
    """A pin and a clock that wraps."""

    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, now: int) -> None:
        self.now = now
        self.level = 0

    def ticks_ms(self) -> int:
        return self.now % PERIOD

    @staticmethod
    def ticks_diff(a: int, b: int) -> int:
        return (a - b + PERIOD // 2) % PERIOD - PERIOD // 2

    def value(self) -> int:
        return self.level

    def irq(self, handler: Any, _: int) -> None:
        self._handler = handler

    def toggle(self) -> None:
        self.level ^= 1
        self._handler(self)


def reading(samples: list[int], **options: Any) -> float:
    (value,) = analog.Analog(Adc(samples), len(samples), decimals=6, **options).read()
    return float(value)


@given(st.lists(MICROVOLTS, min_size=1, max_size=255))
def test_middle_is_the_mean_of_the_middle_half(samples: list[int]) -> None:
    ordered = sorted(samples)
    count = len(samples)
    cut = count // 4 if count > 3 else (count - 1) // 2
    kept = ordered[cut : count - cut]
    in_place = array("I", samples)
    assert analog.middle(in_place) == sum(kept) / len(kept)
    assert list(in_place) == ordered


@given(st.data(), st.lists(MICROVOLTS, min_size=1, max_size=64))
def test_order_of_samples_does_not_matter(data: st.DataObject, samples: list[int]) -> None:
    assert reading(data.draw(st.permutations(samples))) == reading(samples)


@given(st.data(), MICROVOLTS, st.integers(4, 255))
def test_a_quarter_of_outliers_moves_nothing(data: st.DataObject, level: int, count: int) -> None:
    wild = data.draw(st.lists(MICROVOLTS, max_size=count // 4))
    assert reading(wild + [level] * (count - len(wild))) == level / 1e6


# Times between edges, each followed by a poll or not, on both sides of the debounce time.
STEPS = st.lists(st.tuples(st.integers(0, 80), st.booleans()), max_size=40)
NEAR_THE_WRAP = st.integers(PERIOD - 1000, PERIOD + 1000)


@given(STEPS, st.integers(0, 50), st.booleans(), NEAR_THE_WRAP)
def test_level_at_rest_is_never_missed(
    steps: list[tuple[int, bool]], debounce_ms: int, invert: bool, now: int
) -> None:
    world = World(now)
    with patch.multiple(digital, ticks_ms=world.ticks_ms, ticks_diff=world.ticks_diff):
        sensor = digital.Digital(world, debounce_ms, invert)
        sensor.listen()
        (seen,) = sensor.read()
        for wait, polled in steps:
            world.now += wait
            world.toggle()
            if polled:
                sensor.poll(world.ticks_ms())
                if sensor.changed:
                    (seen,) = sensor.read()
        while (wait := sensor.poll(world.ticks_ms())) >= 0:
            world.now += wait
        if sensor.changed:
            (seen,) = sensor.read()
        assert seen == world.level ^ invert
        assert not sensor.changed


@given(STEPS, st.integers(1, 50), NEAR_THE_WRAP)
def test_a_level_counts_only_after_quiet(
    steps: list[tuple[int, bool]], debounce_ms: int, now: int
) -> None:
    world = World(now)
    with patch.multiple(digital, ticks_ms=world.ticks_ms, ticks_diff=world.ticks_diff):
        sensor = digital.Digital(world, debounce_ms)
        sensor.listen()
        (settled,) = sensor.read()
        for wait, _ in steps:
            world.toggle()
            for quiet in range(wait + 1):
                left = sensor.poll(world.ticks_ms())
                if quiet < debounce_ms:
                    assert left == debounce_ms - quiet
                    assert not sensor.changed
                    assert sensor.read() == (settled,)
                else:
                    assert left == -1
                    assert sensor.changed == (settled != world.level)
                    (settled,) = sensor.read()
                    assert settled == world.level
                world.now += 1
