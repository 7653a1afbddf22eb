"""Sensors that are worked out from others: against a reference, checked, and on the board.

The reference shares nothing with the node's code: Python evaluates the arithmetic, and what air
does is found by searching, or in published tables.
"""

from __future__ import annotations

import importlib
import json
import math
import random
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, Node
from tools.shared.paths import LIB, MICROPYTHON, ROOT

importlib.import_module("micropython")  # the stub: gives `time` its ticks
formula: Any = importlib.import_module("sensors.derived.part")
air: Any = importlib.import_module("sensors.derived.air")
parse: Any = importlib.import_module("sensors.derived.parse")

NAMES = {"a": 3.25, "out/b": -7.5, "in-c": 0.5, "d_2": 40.0}
PAGE = (ROOT / "docs" / "derived.md").read_text()


class Source:
    """A sensor that works."""

    failures = 0


def made(text: str, **options: Any) -> Any:
    part = formula.Formula(text, **options)
    part.sources = [Source() for _ in part.names]
    return part


def value(text: str, **values: float) -> float | tuple[()]:
    part = made(text)
    for slot, name in enumerate(part.names):
        part.take(slot, json.dumps({**NAMES, **values}[name]))
    (found,) = part.read()
    return found  # type: ignore[no-any-return]


# --- arithmetic, against Python's own

TERMS = st.recursive(
    st.one_of(
        st.sampled_from(list(NAMES)),
        st.integers(0, 99).map(str),
        st.integers(0, 9999).map(lambda number: f"{number / 100:.2f}"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-({text})"),
        inner.map(lambda text: f"abs({text})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda some: f"{some[0]}({some[1]}, {some[2]})"
        ),
        inner.map(lambda text: f"({text}) ** 2"),
        inner.map(lambda text: f"-({text}) ** 2"),
    ),
    max_leaves=8,
)


def python(text: str) -> float | None:
    """What Python makes of it, None if there is no result."""
    for name, number in NAMES.items():
        text = text.replace(name, f"({number!r})") if len(name) > 1 else text
    text = "".join(
        f"({NAMES['a']!r})" if char == "a" and text[at + 1 : at + 2] not in ("b", "x") else char
        for at, char in enumerate(text)
    )
    try:
        found = eval(text, {"abs": abs, "min": min, "max": max})
    except (ArithmeticError, ValueError):
        return None
    return float(found) if math.isfinite(found) else None


def board(text: str) -> float | None:
    try:
        found = value(text)
    except ValueError as error:
        if "no result" in str(error):
            return None
        raise
    return found if isinstance(found, float) and math.isfinite(found) else None


@given(TERMS)
def test_arithmetic_is_pythons(text: str) -> None:
    try:
        parse.Parser(text)
    except ValueError as error:
        assert any(each in str(error) for each in ("no sensor", "too many", "characters")), error
        return
    wanted = python(text)
    found = board(text)
    if wanted is None or found is None:
        assert wanted == found, text
    else:
        assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9), text


@given(st.text("ab/-+*().,^ 01'<é", max_size=30))
def test_any_text_is_compiled_or_refused_in_a_sentence(text: str) -> None:
    try:
        parse.Parser(text)
    except ValueError as error:
        assert len(str(error)) > 15


# --- air


def saturated(t: float) -> float:
    """The vapour pressure over water, hPa: Goff and Gratch (1946), not Magnus."""
    k, steam = t + 273.15, 373.16
    power = (
        -7.90298 * (steam / k - 1)
        + 5.02808 * math.log10(steam / k)
        - 1.3816e-7 * (10 ** (11.344 * (1 - k / steam)) - 1)
        + 8.1328e-3 * (10 ** (-3.49149 * (steam / k - 1)) - 1)
        + math.log10(1013.246)
    )
    return float(10**power)


@given(st.floats(-20, 50), st.floats(5, 100))
def test_dew_point_and_absolute_humidity_agree_with_goff_and_gratch(t: float, h: float) -> None:
    pressure = saturated(t) * h / 100
    low, high = -80.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if saturated(middle) < pressure else (low, middle)
    assert abs(air.dew_point(t, h) - low) < 0.25  # Magnus is the less exact of the two
    grams = 100 * pressure / (461.5 * (t + 273.15)) * 1000
    assert abs(air.absolute_humidity(t, h) - grams) < 0.005 * grams + 0.02


@pytest.mark.parametrize(
    ("fahrenheit", "humidity", "feels"),  # the chart of the National Weather Service
    [(80, 40, 80), (90, 70, 105), (100, 50, 118), (110, 40, 136), (86, 90, 105), (94, 60, 110)],
)
def test_heat_index_is_that_of_the_chart(fahrenheit: int, humidity: int, feels: int) -> None:
    found = air.heat_index((fahrenheit - 32) / 1.8, humidity) * 1.8 + 32
    assert abs(found - feels) < 1


@pytest.mark.parametrize(
    ("metres", "pressure"),  # the standard atmosphere, ISO 2533
    [(0, 1013.25), (500, 954.61), (1000, 898.75), (3000, 701.09)],
)
def test_pressure_at_sea_level_is_that_of_the_standard_atmosphere(
    metres: int, pressure: float
) -> None:
    assert abs(air.sea_level(pressure, metres) - 1013.25) < 0.1
    there = 15 - 0.0065 * metres
    assert abs(air.sea_level(pressure, metres, there) - 1013.25) < 0.1


# --- values that come and go


def test_there_is_nothing_to_tell_until_all_values_are_known() -> None:
    part = made("a - out/b")
    assert part.read() == ((),)
    part.take(0, "21.5")
    assert part.read() == ((),)
    part.take(1, "1")
    assert part.poll(0) and part.changed and part.read() == (20.5,) and not part.changed
    part.poll(0)
    assert not part.changed
    part.sources[1].failures = 5
    assert part.read() == ((),)
    part.sources[1].failures = 0
    assert part.read() == ((),)  # what it said before is too old
    part.take(1, "true")
    assert part.read() == (20.5,)
    part.take(1, "[1, 2, 3]")
    assert part.read() == ((),)


def test_filters_let_pass_that_there_is_nothing_to_tell() -> None:
    chain = importlib.import_module("sensors.filters.chain")
    part = made("a")
    filtered = chain.make(part, {"filters": [{"multiply": 3}, {"delta": 1}]})
    assert filtered.read() == ((),) == filtered.shown()
    part.take(0, "2")
    assert filtered.read() == (6,)


def test_what_has_no_result_is_an_error_that_says_so() -> None:
    for text, number in (("1 / a", 0), ("sqrt(a)", -1), ("log(a)", 0), ("dew_point(a, 0)", 1)):
        with pytest.raises(ValueError, match="no result"):
            value(text, a=number)


@given(st.lists(st.tuples(st.integers(1, 100_000), st.floats(0, 5000)), max_size=60))
def test_energy_is_the_area_below_the_power(steps: list[tuple[int, float]]) -> None:
    now = 0
    total = 0.0  # Ws
    part = made("energy(a)")
    formula.ticks_ms = lambda: now & 0x3FFF_FFFF
    before = None
    for ms, power in steps:
        now += ms
        part.take(0, repr(power))
        part.poll(0)
        if before is not None:
            total += (before + power) / 2 * ms / 1000
        before = power
    (found,) = part.read()
    assert found == () if not steps else abs(found - total / 3600) <= 0.001 + total * 1e-9


def test_energy_counts_neither_gaps_nor_what_is_fed_back() -> None:
    now = 0
    part = made("energy(a)")
    formula.ticks_ms = lambda: now
    for ms, power in ((0, "3600"), (1000, "3600"), (500_000, "null"), (1000, "3600"), (1000, "-9"),
                      (9000, "-9")):  # fmt: skip
        now += ms
        part.take(0, power)
        part.poll(0)
    total = part.read()[0]
    assert total == pytest.approx(1 + (3600 - 9) / 2 / 3600, abs=0.002)
    part.take(0, "3600")
    part.poll(0)
    part.sources[0].failures = 5
    part.poll(0)  # nothing comes while it fails
    now += 900_000
    part.sources[0].failures = 0
    part.take(0, "3600")
    part.poll(0)
    assert part.read()[0] == total


# --- inside MicroPython, whose floats may have 32 bits

INSIDE = """
import json, sys
from sensors.derived.part import Formula
class Source:
    failures = 0
found = []
for text, values in json.loads(sys.stdin.read()):
    part = Formula(text)
    part.sources = [Source] * len(part.names)
    for slot, name in enumerate(part.names):
        part.take(slot, json.dumps(values[name]))
    found.append(part.read()[0])
print(json.dumps(found))
"""


@pytest.mark.parametrize("bits", WIDTHS)
def test_micropython_works_out_the_same(bits: str) -> None:
    chance = random.Random(7)
    ranges = {"t": (-20, 45), "h": (5, 100), "p": (700, 1050), "m": (0, 3000)}
    texts = (
        "dew_point(t, h)", "absolute_humidity(t, h)", "heat_index(t, h)", "sea_level(p, m)",
        "sea_level(p, m, t)", "max(t, h / 2, -3) ** 2 - sqrt(h)",
    )  # fmt: skip
    cases = [
        (text, {name: chance.uniform(*ends) for name, ends in ranges.items()})
        for text in texts
        for _ in range(40)
    ]
    done = subprocess.run(
        [str(MICROPYTHON[bits]), "-c", INSIDE], input=json.dumps(cases), text=True, check=True,
        env={"MICROPYPATH": f"{LIB}:.frozen"}, capture_output=True, timeout=60,
    )  # fmt: skip
    for (text, values), found in zip(cases, json.loads(done.stdout), strict=True):
        part = made(text)
        for slot, name in enumerate(part.names):
            part.take(slot, json.dumps(values[name]))
        assert found == pytest.approx(part.read()[0], rel=1e-4, abs=1e-3), (text, values)


# --- the check

SENSORS = [
    {"name": "air", "driver": "bme280", "sda": 21, "scl": 22},
    {"name": "out", "driver": "ds18b20", "pin": 4},
    {"name": "fahr", "driver": "ds18b20", "pin": 5, "filters": [{"to": "F"}]},
    {"name": "glow", "driver": "pixels", "pin": 17},
]
CHECK = """
import json, sys
from node.config.schema import check
for sensors in json.loads(sys.stdin.read()):
    print(json.dumps(check({"mqtt": {"host": "broker"}, "sensors": sensors})))
"""
BAD = [
    ("out +", "ends too early"),
    ("", "is wrong. Use a formula"),
    ("3 + 4", "names no sensor"),
    ("out out", "was expected before it"),
    ("out + * 3", "a sensor, a number or ( was expected"),
    ("(out + 3", 'a ")" was expected'),
    ("out + 3)", "Remove it"),
    ("out ^ 2", 'use "**"'),
    ("out % 2", "can't stand here"),
    ("out + 3C", "Leave the unit out"),
    ("out + 1.2.3", "not a number"),
    ("dewpoint(out)", "There are dew_point"),
    ("dew_point(out)", "takes 2, and has 1"),
    ("sea_level(out, 3, 4, 5)", "takes 2 to 3, and has 4"),
    ("max(out)", "takes 2 to 8"),
    ("1 + energy(out)", "all of the formula"),
    ("((((((((((out))))))))))", "too many brackets"),
    ("x + out", 'no sensor "x". There are air, bad, fahr, glow, out'),
    ("out-fahr", 'Put spaces around "-"'),
    ("out/fahr", 'Put spaces around "/"'),
    ("air/humidity-out", 'Put spaces around "-"'),
    ("air + 1", "air has several values"),
    ("air/dust + 1", "Use air/temperature"),
    ("out/temperature + 1", "has one value. Use out"),
    ("glow + 1", "is a colour"),
    ("bad + 1", 'it needs "bad" itself'),
    ("dew_point(fahr, air/humidity)", 'Take "to" out of the filters of "fahr"'),
    ("dew_point(air/humidity, 50)", "takes C, and"),
    ("energy(out)", "energy() takes W"),
]  # fmt: skip


def checked(sensors: list[list[Any]]) -> list[list[str]]:
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-X", "heapsize=400K", "-c", CHECK], input=json.dumps(sensors),
        env={"MICROPYPATH": f"{LIB}:.frozen"}, text=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert not done.returncode, done.stderr + done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_bad_formula_is_refused_with_its_place_and_the_cure() -> None:
    cases = [[*SENSORS, {"name": "bad", "driver": "formula", "formula": text}] for text, _ in BAD]
    for (text, cure), faults in zip(BAD, checked(cases), strict=True):
        assert len(faults) == 1, (text, faults)
        assert faults[0].startswith("sensors[4].formula: "), (text, faults)
        assert cure.replace("air has", '"air" has') in faults[0] and faults[0][-1] == ".", faults


def test_a_loop_by_way_of_others_is_told_where_it_is() -> None:
    ring = [
        {"name": name, "driver": "formula", "formula": f"{other} + out"}
        for name, other in (("one", "two"), ("two", "three"), ("three", "one"))
    ]
    (faults,) = checked([[*SENSORS, *ring]])
    assert [fault[:10] for fault in faults] == ["sensors[4]", "sensors[5]", "sensors[6]"]
    assert all("itself, by way of" in fault for fault in faults)


def test_all_examples_of_the_page_are_good() -> None:
    blocks = [block.partition("```")[0] for block in PAGE.split("```json\n")[1:]]
    assert blocks
    for block in blocks:
        (faults,) = checked([json.loads(block)])
        assert faults == [], block
    for line in parse._FUNCTIONS.split("\n"):
        assert f"`{line.split()[0]}(" in PAGE


# --- what Home Assistant is told


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("dew_point(a, a)", "", ("temperature", "°C", "measurement")),
        ("heat_index(a, a)", "", ("temperature", "°C", "measurement")),
        ("sea_level(a, 320)", "", ("atmospheric_pressure", "hPa", "measurement")),
        ("energy(a)", "", ("energy", "Wh", "total_increasing")),
        ("absolute_humidity(a, a)", "", ("", "g/m3", "measurement")),
        ("a * 2", "W", ("power", "W", "measurement")),
        ("difference(a, d_2)", "C", ("", "°C", "measurement")),
    ],
)
def test_home_assistant_gets_a_device_class_and_a_unit(
    text: str, unit: str, told: tuple[str, str, str]
) -> None:
    classes = importlib.import_module("node.homeassistant.classes")
    field, own, _ = made(text, unit=unit).FIELDS[0]
    assert classes.of(field, own) == told


# --- on the board


@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_a_node_publishes_what_it_works_out(node: Node) -> None:
    twice = {"name": "twice", "driver": "formula", "formula": "2 * light", "unit": "V",
             "decimals": 3}  # fmt: skip
    more = {"name": "more", "driver": "formula", "formula": "difference(twice, light)",
            "unit": "V", "decimals": 3, "filters": [{"multiply": 1000}]}  # fmt: skip
    used = {"name": "used", "driver": "formula", "formula": "energy(light * 1000)", "interval": 2}
    late = {**LIGHT, "name": "late", "pin": 35, "filters": [{"over": 3600}]}
    never = {"name": "never", "driver": "formula", "formula": "light - late"}
    sensors = [more, twice, used, never, late, {**LIGHT, "interval": 1}]
    node.write_config(node.config(sensors=sensors))
    node.bench.power_on()
    found = node.wait("twice", 60)
    assert found["unit"] == "V" and 0 < found["value"] < 7
    start = len(node.seen.messages)
    light = node.wait("light", 60, start)["value"]
    twice_of = node.wait("twice", 60, start)["value"]
    assert twice_of == pytest.approx(2 * light, abs=0.002)
    assert node.wait("more", 60)["value"] > 0
    total = node.wait("used", 60, len(node.seen.messages))
    assert total["unit"] == "Wh" and total["value"] >= 0
    assert node.command("read", "twice")["ok"]
    reply = node.command("read", "never")
    assert not reply["ok"] and "can be read at once" in reply["error"]
    about = node.wait("diagnostics", 60)
    assert "faults" not in about and not about.get("failing"), about
