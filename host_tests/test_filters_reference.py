"""The filters of the config, in MicroPython, against a plain reference in CPython.

The reference keeps all that came, and works out every answer from all of it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.harness.interpreter import WIDTHS, interpreter
from tools.shared.paths import ROOT
from tools.shared.process import popen

SCRIPT = ROOT / "host_tests" / "scripts" / "filtered.py"
Filter = dict[str, Any]
Reading = tuple[int, float]  # ms, and what was measured
HELD = None  # nothing to report

# --- the reference: (what has come, a filter) -> the answer to the last of them


def _line(each: Filter, value: float) -> float:
    points: list[list[float]] = each["calibrate"]
    pairs = list(pairwise(points))
    (x0, y0), (x1, y1) = next((p for p in pairs if value <= p[1][0]), pairs[-1])
    return y0 + (y1 - y0) * (value - x0) / (x1 - x0)


def _slew(values: list[float], most: float) -> float:
    at = values[0]
    for value in values[1:]:
        at = max(at - most, min(at + most, value))
    return at


def _smooth(values: list[float], share: float) -> float:
    count = len(values) - 1
    weights = [share**count, *(share ** (count - i) * (1 - share) for i in range(1, count + 1))]
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _debounce(values: list[float], count: int) -> float:
    held = values[0]
    for end in range(count, len(values) + 1):
        last = values[end - count : end]
        if len(set(last)) == 1:
            held = last[0]
    return held


def _outlier(each: Filter, values: list[float]) -> float | None:
    last = values[-each.get("of", 5) :]
    return values[-1] if abs(values[-1] - statistics.median_low(last)) <= each["outlier"] else HELD


def _told(readings: list[Reading], pick: Callable[[Reading, Reading], bool]) -> list[Reading]:
    """Those of the readings that are let through: the first, and what differs from the last."""
    told = readings[:1]
    for reading in readings[1:]:
        if pick(told[-1], reading):
            told.append(reading)
    return told


def _throttle(each: Filter, readings: list[Reading]) -> float | None:
    told = _told(readings, lambda last, now: _late(last[0], now[0], each["throttle"]))
    return told[-1][1] if told[-1] is readings[-1] else HELD


def _delta(each: Filter, readings: list[Reading]) -> float | None:
    def tells(last: Reading, now: Reading) -> bool:
        far = now[1] != last[1] and abs(now[1] - last[1]) >= each["delta"]
        return far or ("heartbeat" in each and _late(last[0], now[0], each["heartbeat"]))

    told = _told(readings, tells)
    return told[-1][1] if told[-1] is readings[-1] else HELD


def _over(each: Filter, readings: list[Reading]) -> float | None:
    answer: float | None = HELD
    since, window = readings[0][0], []
    take = {"minimum": min, "maximum": max}.get(each.get("take", ""), statistics.fmean)
    for ms, value in readings:
        window.append(value)
        answer = HELD
        if _late(since, ms, each["over"]):
            answer = take(window)
            since, window = ms, []
    return answer


def _late(since: int, now: int, seconds: float) -> bool:
    """A reading may be early by a 64th."""
    ms = int(seconds * 1000)
    return now - since >= ms - ms // 64


REFERENCE: dict[str, Callable[[Filter, list[Reading]], float | None]] = {
    "offset": lambda each, readings: readings[-1][1] + each["offset"],
    "multiply": lambda each, readings: readings[-1][1] * each["multiply"],
    "linear": lambda each, readings: each["linear"][0] * readings[-1][1] + each["linear"][1],
    "calibrate": lambda each, readings: _line(each, readings[-1][1]),
    "clamp": lambda each, readings: sorted([readings[-1][1], *each["clamp"]])[1],
    "invert": lambda each, readings: 1 - readings[-1][1],
    "to": lambda each, readings: readings[-1][1] * 9 / 5 + 32,
    "median": lambda each, readings: statistics.median_low(_values(readings)[-each["median"] :]),
    "average": lambda each, readings: statistics.fmean(_values(readings)[-each["average"] :]),
    "smooth": lambda each, readings: _smooth(_values(readings), each["smooth"]),
    "slew": lambda each, readings: _slew(_values(readings), each["slew"]),
    "debounce": lambda each, readings: _debounce(_values(readings), each["debounce"]),
    "outlier": lambda each, readings: _outlier(each, _values(readings)),
    "throttle": _throttle,
    "delta": _delta,
    "over": _over,
}


def _values(readings: list[Reading]) -> list[float]:
    return [value for _, value in readings]


def reference(filters: list[Filter], readings: list[Reading]) -> list[float | None]:
    """What comes out: each filter in turn, from all that the one before has let through."""
    passed: list[tuple[int, float | None]] = list(readings)
    for each in filters:
        name = next(key for key in each if key in REFERENCE)
        came: list[Reading] = []
        made: list[tuple[int, float | None]] = []
        for ms, value in passed:
            answer = HELD
            if value is not None:
                came.append((ms, value))
                answer = REFERENCE[name](each, came)
            made.append((ms, answer))
        passed = made
    return [value for _, value in passed]


# --- what comes in

# Quarters are exact on every board, so that nobody's limit is missed by a rounding.
QUARTERS = st.integers(-4000, 4000).map(lambda number: number / 4)
SECONDS = st.sampled_from([0.1, 1, 5.5, 60, 600, 86_400])
POINTS = st.lists(QUARTERS, min_size=2, max_size=6, unique=True).flatmap(
    lambda xs: st.lists(QUARTERS, min_size=len(xs), max_size=len(xs)).map(
        lambda ys: [list(each) for each in zip(sorted(xs), ys, strict=True)]
    )
)
RANGES = st.lists(QUARTERS, min_size=2, max_size=2, unique=True).map(sorted)
STEP = st.integers(1, 400).map(lambda number: number / 4)
KINDS: dict[str, st.SearchStrategy[Filter]] = {
    "delta": st.fixed_dictionaries({"delta": STEP | st.just(0)}, optional={"heartbeat": SECONDS}),
    "outlier": st.fixed_dictionaries({"outlier": STEP}, optional={"of": st.integers(3, 15)}),
    "debounce": st.fixed_dictionaries({"debounce": st.integers(2, 8)}),
    "offset": st.fixed_dictionaries({"offset": QUARTERS}),
    "multiply": st.fixed_dictionaries({"multiply": QUARTERS}),
    "linear": st.fixed_dictionaries({"linear": st.lists(QUARTERS, min_size=2, max_size=2)}),
    "calibrate": st.fixed_dictionaries({"calibrate": POINTS}),
    "clamp": st.fixed_dictionaries({"clamp": RANGES}),
    "invert": st.just({"invert": True}),
    "median": st.fixed_dictionaries({"median": st.integers(3, 15)}),
    "average": st.fixed_dictionaries({"average": st.integers(2, 20)}),
    "smooth": st.fixed_dictionaries({"smooth": st.integers(0, 99).map(lambda each: each / 100)}),
    "slew": st.fixed_dictionaries({"slew": STEP}),
    "throttle": st.fixed_dictionaries({"throttle": SECONDS}),
    "over": st.fixed_dictionaries(
        {"over": SECONDS}, optional={"take": st.sampled_from(["average", "minimum", "maximum"])}
    ),
    "to": st.just({"to": "F"}),
}
# Those whose answer jumps come first, where the values are still quarters.
_FIRST = ("delta", "outlier", "debounce")
FILTERS = st.tuples(
    st.lists(st.one_of(*[KINDS[name] for name in _FIRST]), max_size=1),
    st.lists(
        st.one_of(*[each for name, each in KINDS.items() if name not in (*_FIRST, "to")]),
        max_size=3,
    ),
    st.lists(KINDS["to"], max_size=1),
).map(lambda parts: [each for part in parts for each in part])
# Values that repeat, as measured ones do; times from a button's to days apart, over the wrap.
VALUES = st.one_of(QUARTERS, st.integers(0, 3))
GAPS = st.sampled_from([1, 90, 100, 1000, 5490, 60_000, 600_000, 86_000_000, 400_000_000])


STARTS = st.sampled_from([0, (1 << 30) - 50_000])


def readings_of() -> st.SearchStrategy[list[Reading]]:
    steps = st.lists(st.tuples(GAPS, VALUES), min_size=1, max_size=25)
    return st.tuples(STARTS, steps).map(lambda each: _timed(*each))


def _timed(now: int, steps: list[tuple[int, float]]) -> list[Reading]:
    found = []
    for gap, value in steps:
        now += gap
        found.append((now, value))
    return found


@pytest.fixture(scope="module", params=WIDTHS)
def ask(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], list[float | None]]]:
    """One process answers for all cases."""
    machine = interpreter(request.param)
    process = popen(
        machine.command(SCRIPT, heap="1M"), env=machine.environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdin and process.stdout
    into, out = process.stdin, process.stdout

    def answer(case: Any) -> list[float | None]:
        into.write(json.dumps(case) + "\n")
        into.flush()
        line = out.readline()
        assert line.startswith("["), line + out.read()
        return [HELD if value == [] else value for value in json.loads(line)]

    yield answer
    process.kill()
    process.communicate()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filters=FILTERS, readings=readings_of())
def test_filters_answer_as_the_reference_does(
    ask: Callable[[Any], list[float | None]], filters: list[Filter], readings: list[Reading]
) -> None:
    agree(ask((filters, readings)), reference(filters, readings))


def agree(found: list[float | None], wanted: list[float | None]) -> None:
    assert [value is HELD for value in found] == [value is HELD for value in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert a == b or a == pytest.approx(b, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", REFERENCE)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_each_alone(
    ask: Callable[[Any], list[float | None]], name: str, data: st.DataObject
) -> None:
    each, readings = data.draw(KINDS[name]), data.draw(readings_of())
    agree(ask(([each], readings)), reference([each], readings))


def test_the_reference_knows_every_filter() -> None:
    """So that a new one is not forgotten here."""
    code = "import json\nfrom node.config.filters import rules\nprint(json.dumps(list(rules())))"
    machine = interpreter("64")
    done = subprocess.run(
        machine.command(code), env=machine.environment(), capture_output=True, text=True
    )
    assert set(json.loads(done.stdout)) == set(REFERENCE), done.stderr
