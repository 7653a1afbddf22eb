"""What the filters of the sensors promise for any input; these modules also run under CPython."""

from __future__ import annotations

import importlib
from array import array
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

importlib.import_module("micropython")  # the stub: gives `time` its ticks
analog: Any = importlib.import_module("sensors.analog")
channel: Any = importlib.import_module("sensors.shared.channel")
digital: Any = importlib.import_module("sensors.digital")

PERIOD = 1 << 30  # of ticks_ms, as most ports have it
MICROVOLTS = st.integers(0, 3_300_000)


class Adc:
    """An ADC with calibration, whose samples the test sets."""

    def __init__(self, samples: list[int]) -> None:
        self._samples = iter(samples)

    def read_uv(self) -> int:
        return next(self._samples)

    def read_u16(self) -> int:
        return 30_000  # not at an end


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
    (value,) = analog.Analog(Adc(samples), samples=len(samples), decimals=6, **options).read()
    return float(value)


@given(st.lists(MICROVOLTS, min_size=1, max_size=255))
def test_middle_is_the_mean_of_the_middle_half(samples: list[int]) -> None:
    ordered = sorted(samples)
    count = len(samples)
    cut = count // 4 if count > 3 else (count - 1) // 2
    kept = ordered[cut : count - cut]
    in_place = array("I", samples)
    assert channel.middle(in_place) == sum(kept) / len(kept)
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


# --- filters from one reading to the next

filters: Any = importlib.import_module("sensors.shared.filters")
table: Any = importlib.import_module("sensors.shared.line")
ntc: Any = importlib.import_module("sensors.ntc")
rotary: Any = importlib.import_module("sensors.rotary")
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(VALUES, st.integers(2, 15))
def test_median_is_one_of_the_last_values(values: list[float], count: int) -> None:
    median = filters.median_of(count)
    for i, value in enumerate(values):
        window = sorted(values[max(0, i + 1 - count) : i + 1])
        assert median(value) == window[(len(window) - 1) // 2]


@given(VALUES, st.floats(0, 0.99))
def test_smooth_stays_between_what_came(values: list[float], share: float) -> None:
    smooth = filters.smoothing(share)
    seen: list[float] = []
    for value in values:
        seen.append(value)
        slack = 1e-9 * max(1.0, max(map(abs, seen)))
        assert min(seen) - slack <= smooth(value) <= max(seen) + slack


@given(VALUES, st.floats(0, 1e5))
def test_slew_never_jumps(values: list[float], most: float) -> None:
    slew = filters.slewing(most)
    last = slew(values[0])
    for value in values[1:]:
        found = slew(value)
        assert abs(found - last) <= most * (1 + 1e-9) + 1e-9
        assert abs(found - value) <= abs(last - value) + 1e-9
        last = found


@given(st.floats(-1e3, 1e3), st.integers(0, 15), st.floats(0, 0.99), st.floats(0, 1e3))
def test_what_does_not_change_is_not_changed(
    value: float, median: int, smooth: float, slew: float
) -> None:
    for _ in range(20):
        found = value
        for each in filters.chain(median, smooth, slew):
            found = each(found)
        assert abs(found - value) < 1e-9 * max(1, abs(value))


@given(
    st.lists(st.floats(0, 5), min_size=2, max_size=8, unique=True).map(sorted),
    st.data(),
    st.floats(-1, 6),
)
def test_a_table_goes_through_its_points(
    volts: list[float], data: st.DataObject, x: float
) -> None:
    if min(b - a for a, b in pairwise(volts)) < 1e-3:
        return
    values = data.draw(st.lists(st.floats(-100, 100), min_size=len(volts), max_size=len(volts)))
    points = [each for pair in zip(volts, values, strict=True) for each in pair]
    for at, value in zip(volts, values, strict=True):
        assert abs(table.between(points, at) - value) < 1e-6
    assert min(values) - 1e-6 <= table.between(points, x) <= max(values) + 1e-6


@given(st.floats(-40, 120), st.floats(1_000, 100_000), st.floats(2500, 4500), st.booleans())
def test_an_ntc_tells_the_temperature_of_its_resistance(
    celsius: float, nominal: float, beta: float, above: bool
) -> None:
    from math import exp

    ohms = nominal * exp(beta * (1 / (celsius + 273.15) - 1 / 298.15))
    sensor = ntc.Ntc(Adc([]), nominal=nominal, beta=beta, series=10_000.0, above=above)
    volts = 3.3 * (10_000 if above else ohms) / (ohms + 10_000)
    if 0.15 < volts < 3.05:  # beyond it is open, or shorted
        assert abs(sensor.convert(volts) - celsius) < 1e-6


@given(st.lists(st.sampled_from([1, -1]), max_size=80))
def test_an_encoder_counts_every_quarter(steps: list[int]) -> None:
    class Contact:
        level = 0

        def value(self) -> int:
            return self.level

    gray = (0, 2, 3, 1)
    a, b = Contact(), Contact()
    sensor = rotary.Rotary(a, b, steps=1)
    at = 0
    for step in steps:
        at += step
        a.level, b.level = gray[at % 4] >> 1, gray[at % 4] & 1
        sensor._on_edge(a)
    assert sensor.read() == (at,)
