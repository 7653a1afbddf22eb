"""Rules: parser and evaluator against a reference, a week of a greenhouse, and the recipes.

The reference is host_tests/harness/rules_reference.py. The week and the recipes run on the
simulated board in accelerated time, see host_tests/scripts/rules_board.py.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
import re
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.harness import rules_reference as reference
from host_tests.harness.interpreter import WIDTHS, compiled_port, interpreter
from host_tests.harness.node import Node
from host_tests.harness.whole_nodes import nodes
from tools.config.check import check_config
from tools.shared.paths import ROOT

Parser: Any = importlib.import_module("node.rules.parse").Parser
holds: Any = importlib.import_module("node.rules.engine").holds
sky: Any = importlib.import_module("node.rules.sky")

SCRIPT = ROOT / "host_tests" / "scripts" / "rules_board.py"
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
PLACE = {"zone": BERLIN, "latitude": 52.5, "longitude": 13.4}


# --- parser and evaluator

NAMES = ("soil", "air/temperature", "'house/mode'")
VALUES = st.sampled_from([None, -3, 0, 1, 2.5, 30, "away", "on"])
NUMBERS = st.sampled_from(["-3", "0", "1", "2.5", "30", "true", "false"])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(NAMES))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return name
    if kind == 1:
        begin, end = draw(st.sampled_from([("<", (1, 2.5)), (">", (2, -0.5))]))
        return f"{name} {begin} {end[0]} until {end[1]}"
    if kind == 2:
        return f"{name} {draw(st.sampled_from(['==', '!=']))} 'away'"
    how = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    return f"{name} {how} {draw(NUMBERS if kind < 5 else st.sampled_from(NAMES[:2]))}"


TIMES = st.sampled_from(["22:00", "6:30", "0:00", "sunrise", "sunset-30", "sunrise+90"])


@st.composite
def windows(draw: st.DrawFn) -> str:
    began = draw(TIMES)
    return f"from {began} to {draw(TIMES.filter(lambda time: time != began))}"


PLAIN = (
    comparisons()
    | windows()
    | TIMES.map("at {}".format)
    | st.sampled_from(["day mon-fri", "day sat,sun", "day sun-tue, thu"])
)
CONDITIONS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: " ".join(three)),
        inner.map("not ({})".format),
        st.tuples(inner, st.integers(1, 5)).map(lambda two: f"({two[0]} for {two[1]})"),
        inner.map("({})".format),
    ),
    max_leaves=6,
)
MOMENTS = st.lists(
    st.tuples(
        st.fixed_dictionaries({name.rstrip("'"): VALUES for name in NAMES}),
        st.integers(1, 4),
        st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 6)),
    ),
    min_size=1,
    max_size=8,
)


def nested(text: str) -> int:
    """How deep brackets and nots are in each other, at most."""
    return text.count("(") + text.count("not")


@settings(max_examples=300)
@given(CONDITIONS.filter(lambda text: nested(text) <= 5 and len(text) <= 200), MOMENTS)
def test_conditions_hold_when_the_reference_says_so(text: str, moments: Any) -> None:
    names: list[str] = []
    memory: list[Any] = []
    program = tuple(Parser(text, names, memory).program)
    judge = reference.condition(text)
    world = reference.World(sun=(372, 1130))
    for values, passed, when in moments:
        world.now += passed
        world.values = values
        minute, day = when or (None, 0)
        # The first is a Monday.
        world.local = when and datetime(2026, 6, 1 + day, when[0] // 60, when[0] % 60)
        found = holds(
            program, [values[name] for name in names], memory, world.now, [minute, day, 372, 1130]
        )
        assert [False, None, True][found] is judge(world), (text, values)


@given(st.text("soil<>=!()' 0123456789.:-+,\"&andortfuhlwe", max_size=40))
def test_any_text_is_compiled_or_refused_with_a_reason(text: str) -> None:
    names: list[str] = []
    memory: list[Any] = []
    try:
        program = Parser(text, names, memory).program
    except ValueError as error:
        assert len(str(error)) > 10
        return
    assert holds(program, [1] * len(names), memory, 0, [0, 0, 360, 1080]) in (0, 1, 2)
    judge = reference.condition(text)
    values: dict[str, reference.Value] = dict.fromkeys(names, 1.0)
    at = datetime(2026, 6, 1)
    judge(reference.World(values, 0, at, (360, 1080)))


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("UTC0", "UTC"),
        (BERLIN, "Europe/Berlin"),
        ("GMT0BST,M3.5.0/1,M10.5.0", "Europe/London"),
        ("EET-2EEST,M3.5.0/3,M10.5.0/4", "Europe/Helsinki"),
        ("EST5EDT,M3.2.0,M11.1.0", "America/New_York"),
        ("MST7MDT,M3.2.0,M11.1.0", "America/Denver"),
        ("PST8PDT,M3.2.0,M11.1.0", "America/Los_Angeles"),
        ("IST-5:30", "Asia/Kolkata"),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney"),
    ],
)
def test_the_zones_of_the_page_are_right_through_the_years(zone: str, name: str) -> None:
    assert f"`{zone}`" in (ROOT / "docs" / "rules.md").read_text()
    local = ZoneInfo(name)
    for year in (2024, 2026, 2027, 2032):
        for days in range(366):
            day = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=days)
            ends = {(day + timedelta(days=each)).astimezone(local).utcoffset() for each in (0, 1)}
            for minutes in range(0, 1440, 30 if len(ends) == 2 else 720):
                at = day + timedelta(minutes=minutes)
                offset = at.astimezone(local).utcoffset()
                assert offset is not None
                assert sky.offset(int(at.timestamp()), zone) == offset.total_seconds(), at


@pytest.mark.parametrize("latitude", [-55, -33.9, 0.5, 40.7, 52.5, 64])
def test_the_sun_rises_and_sets_within_two_minutes_of_the_long_form(latitude: float) -> None:
    utc = ZoneInfo("UTC")
    for days in range(0, 730, 3):
        at = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)
        for longitude in (-120, 0, 13.4, 151):
            _, *found = sky.find(int(at.timestamp()), ("UTC0", latitude, longitude))
            wanted = reference.sun(at, latitude, longitude, utc)
            for minute, want in zip(found, wanted, strict=True):
                assert abs((minute - want + 720) % 1440 - 720) <= 2, (at, longitude)


def test_where_the_sun_stays_up_or_down_it_neither_rises_nor_sets() -> None:
    for month, day, up in ((6, 21, True), (12, 21, False)):
        at = int(datetime(2026, month, day, 12, tzinfo=UTC).timestamp())
        _, rise, down = sky.find(at, ("UTC0", 78, 15))
        for text, wanted in (
            ("from sunrise to sunset", up),
            ("from sunset to sunrise", not up),
            ("from sunset+30 to 23:00", not up),
            ("from sunrise+30 to 12:00", up),
            ("at sunset", False),
            ("at sunrise", False),
        ):
            program = Parser(text, [], []).program
            for minute in (0, 1, 400, 719):
                found = holds(program, [], [], 0, [minute, 0, rise, down])
                assert found == 2 * wanted, (text, up, minute)


# --- on the simulated board


def run(
    folder: Path, config: dict[str, Any], steps: list[Any], bits: str = "64", **more: Any
) -> list[Any]:
    """What the board tells: [s, output, state] for each change, an object after each step."""
    plan = {"config": {"mqtt": {"host": "broker"}, **config}, "steps": steps, **more}
    (folder / "plan.json").write_text(json.dumps(plan))
    done = interpreter(bits).run(
        SCRIPT, "plan.json", heap="2M", path=[compiled_port()], timeout=170, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line[0] in "[{"]


def afterwards(told: list[Any]) -> list[Any]:
    """What was told after each step."""
    found = [each for each in told if isinstance(each, dict)]
    assert all("faults" not in each for each in found), found
    return found


GREENHOUSE = {
    "place": PLACE,
    "sensors": [
        {"name": "air", "driver": "ntc", "pin": 34},
        {"name": "soil", "driver": "moisture", "pin": 35},
        {"name": "light", "driver": "ldr", "pin": 32},
        {"name": "valve", "driver": "relay", "pin": 5, "most_s": 900},
        {"name": "heater", "driver": "relay", "pin": 12, "most_s": 3600},
        {"name": "lamp", "driver": "dimmer", "pin": 13},
        {"name": "vent", "driver": "servo", "pin": 14},
    ],
    "rules": [
        {"name": "water", "when": "(soil < 30 until 38 for 1200) and not from 10:00 to 18:00",
         "then": {"set": "valve", "value": True, "for": 240}, "again": 7200},
        {"name": "heat", "when": "air < 3 until 5", "then": {"set": "heater", "value": True},
         "else": {"set": "heater", "value": False}, "pause": 1800, "again": 3600},
        {"name": "dusk", "when": "(light < 20 until 60 for 900) and from 16:00 to 22:30",
         "then": {"set": "lamp", "value": 70}, "else": {"set": "lamp", "value": 0}},
        {"name": "air", "when": "air > 16 until 13 and day mon-sat or air > 19",
         "then": {"set": "vent", "value": 80}, "else": {"set": "vent", "value": 0}},
        {"name": "rinse", "when": "at sunrise+30 and day sun,wed",
         "then": {"set": "valve", "value": True, "for": 60}},
    ],
}  # fmt: skip
WEEK_BEGAN = datetime(2026, 3, 26, tzinfo=UTC)  # daylight saving begins in it
MINUTE = 60


@cache
def week() -> list[dict[str, Any]]:
    """The values every ten minutes, None where a sensor failed."""
    with (ROOT / "host_tests" / "data" / "greenhouse.csv").open() as file:
        return [
            {name: float(row[name]) if row[name] else None for name in ("air", "soil", "light")}
            for row in csv.DictReader(file)
        ]


@cache
def wanted_in_the_week() -> list[Any]:
    rules = reference.Rules(GREENHOUSE, WEEK_BEGAN.timestamp(), "Europe/Berlin")
    # The sun's times may be off by two minutes: both go by the same here.
    rules.look(0)
    for i, values in enumerate(week()):
        rules.world.values = dict(values)
        for minute in range(1, 11):
            rules.look(i * 600 + minute * MINUTE)
    return rules.changes


@pytest.mark.parametrize(("bits", "link"), [("64", "up"), (WIDTHS[-1], "down"), ("64", "flaps")])
def test_a_week_of_the_greenhouse_switches_as_the_reference_does(
    bits: str, link: str, tmp_path: Path
) -> None:
    steps = [[600, {"read": values}] for values in week()]
    told = run(
        tmp_path, GREENHOUSE, steps, bits, link=link, quiet=True, step=MINUTE,
        start=int(WEEK_BEGAN.timestamp()), driven=["air", "soil", "light"],
    )  # fmt: skip
    changes = [each for each in told if isinstance(each, list) and each[0] > 0]
    wanted = wanted_in_the_week()
    for name in ("valve", "heater", "lamp", "vent"):
        assert len([each for each in wanted if each[1] == name]) >= 8, name
    near = {tuple(each) for each in wanted}
    for at, name, state in changes:  # sunrise is the one time that may differ
        rinse = name == "valve" and any(
            (at + 60 * off, name, state) in near for off in range(-2, 3)
        )
        assert (at, name, state) in near or rinse, (at, name, state)
    assert len(changes) == len(wanted)


# --- the recipes of the page


def recipes() -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / "rules.md").read_text()
    text = text[text.index("## Recipes") :]
    found = re.findall(r"### ([^\n]+)\n.*?```json\n(.*?)```", text, re.S)
    return {name: json.loads(block) for name, block in found}


def degrees(celsius: float) -> float:
    """The volts of an ntc at that temperature."""
    ohms = 10_000 * math.exp(3950 * (1 / (celsius + 273.15) - 1 / 298.15))
    return 3.3 * ohms / (ohms + 10_000)


def moist(percent: float) -> float:
    """The volts of a moisture probe."""
    return 2.6 - 1.5 * percent / 100


def noon(hours: float) -> int:
    """So many hours after noon in Berlin on a Thursday in June, as s since 1970."""
    return int(datetime(2026, 6, 11, 10, tzinfo=UTC).timestamp() + hours * 3600)


ON, OFF = 1, 0
SLOW = {"step": 20}  # s between two turns
# Recipe -> when it begins, and steps: s to run, what happens, what the outputs then are or which
# alarm is told.
SCENES: dict[str, tuple[int, list[tuple[float, dict[str, Any], dict[str, Any]]]]] = {
    "Frost alarm": (
        noon(10),
        [
            (20, {"adc:34": degrees(5)}, {"frost": False}),
            (200, {"adc:34": degrees(1)}, {}),
            (60, {"adc:34": degrees(3)}, {}),  # not yet over
            (60, {"adc:34": degrees(1)}, {"frost": True}),
            (60, {"adc:34": degrees(3.5)}, {}),
            (60, {"adc:34": degrees(4.5)}, {"frost": False}),
        ],
    ),
    "Irrigation": (
        noon(8),
        [
            (20, {"adc:34": moist(50)}, {"valve": OFF}),
            (20, {"adc:34": moist(25)}, {"valve": ON}),
            (120, {}, {"valve": OFF}),
            (3500, {"adc:34": moist(35)}, {"valve": OFF}),
            (120, {}, {"valve": ON}),
            (120, {}, {"valve": OFF}),
            (7200, {"adc:34": moist(45), **SLOW}, {"valve": OFF}),
        ],
    ),
    "Tank": (
        noon(0),
        [
            (5, {"pin:4": 0, "pin:14": 1}, {"pump": OFF, "dry": False}),
            (30, {"pin:4": 1}, {"pump": ON}),
            (60, {"pin:4": 0}, {"pump": ON}),
            (60, {"pin:14": 0}, {"pump": OFF}),
            (60, {"pin:14": 1}, {"pump": OFF}),
            (590, {"pin:4": 1}, {"pump": ON}),
            (20, {}, {"pump": OFF, "dry": True}),  # its longest time
            (60, {"pin:4": 0}, {"pump": OFF, "dry": False}),
        ],
    ),
    "Night lamp": (
        noon(9),  # Thursday, 21:00; the sun sets at 21:29
        [
            (3000, {}, {"lamp": 0}),
            (1000, {}, {"lamp": 50}),
            (3600, SLOW, {"lamp": 0}),  # 23:06
            (86_400, SLOW, {"lamp": 50}),  # Friday, 23:06
            (7200, SLOW, {"lamp": 0}),  # Saturday, 1:06
            (86_400 - 7200, SLOW, {"lamp": 50}),
            (7200, SLOW, {"lamp": 0}),
            (86_400 - 7200, SLOW, {"lamp": 0}),  # Sunday, 23:06
        ],
    ),
    "Door left open": (
        noon(0),
        [
            (5, {"pin:4": 0}, {"open": False, "horn": OFF}),
            (290, {"pin:4": 1}, {"horn": OFF}),
            (12, {}, {"open": True, "horn": ON}),
            (10, {}, {"horn": OFF}),
            (49, {}, {"horn": ON}),
            (100, {"pin:4": 0}, {"open": False, "horn": OFF}),
        ],
    ),
    "Thermostat": (
        noon(0),
        [
            (20, {"adc:34": degrees(21)}, {"heater": OFF}),
            (300, {"adc:34": degrees(19.5)}, {"heater": OFF}),
            (20, {"adc:34": degrees(18.5)}, {"heater": ON}),
            (60, {"adc:34": degrees(19.5)}, {"heater": ON}),
            (20, {"adc:34": degrees(20.5)}, {"heater": OFF}),
            (100, {"adc:34": degrees(18)}, {"heater": OFF}),  # it rests
            (90, {}, {"heater": ON}),
            (3700, {"adc:34": 3.3}, {"heater": OFF}),  # the sensor broke
            (3700, {}, {"heater": OFF}),
        ],
    ),
    "Stairs": (
        noon(11),
        [
            (5, {"pin:4": 0}, {"light": OFF}),
            (5, {"pin:4": 1}, {"light": ON}),
            (300, {}, {"light": ON}),
            (80, {"pin:4": 0}, {"light": ON}),
            (60, {}, {"light": OFF}),
            (12 * 3600, SLOW, {"light": OFF}),
            (10, {"pin:4": 1}, {"light": OFF}),  # by day
        ],
    ),
    "Roof vent": (
        noon(0),
        [
            (100, {"adc:34": degrees(27), "adc:35": degrees(20)}, {"vent": 0}),
            (50, {"adc:34": degrees(29)}, {"vent": 0}),
            (40, {}, {"vent": 90}),
            (100, {"adc:34": degrees(26)}, {"vent": 90}),
            (20, {"adc:34": degrees(24.5)}, {"vent": 0}),
            (200, {"adc:34": degrees(29), "adc:35": degrees(31)}, {"vent": 0}),
        ],
    ),
    "Feeding time": (
        noon(-5) - 120,  # Thursday, 6:58
        [
            (100, {}, {"feeder": 0}),
            (22, {}, {"feeder": 90}),
            (60, {}, {"feeder": 0}),
            (86_400 * 2 - 62, SLOW, {"feeder": 0}),  # Saturday, 7:00
            (5400 + 2, {}, {"feeder": 90}),
        ],
    ),
    "Nobody at home": (
        noon(7),
        [
            (300, {}, {"lamp": OFF}),  # nothing is known of the topic
            (60, {"topic": {"house/mode": "home"}}, {"lamp": OFF}),
            (300, {"topic": {"house/mode": "away"}}, {"lamp": ON}),
            (12_000, {}, {"lamp": OFF}),  # it has its longest time, too, of four hours
            (60, {"topic": {"house/mode": "home"}}, {"lamp": OFF}),
        ],
    ),
}  # fmt: skip


def test_each_recipe_of_the_page_has_a_scene() -> None:
    assert len(recipes()) == 10
    assert recipes().keys() == SCENES.keys()


@pytest.mark.parametrize("name", SCENES)
def test_a_recipe_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    config = recipes()[name]
    began, steps = SCENES[name]
    link = "down" if name in ("Irrigation", "Stairs") else "up"
    told = afterwards(
        run(tmp_path, config, [step[:2] for step in steps], start=began, link=link, outputs=True)
    )
    assert len(told) == len(steps)
    for step, (after, (_, _, wanted)) in enumerate(zip(told, steps, strict=True)):
        alarms = {alarm: about["alarm"] for alarm, about in after["alarms"].items()}
        found = {**after["states"], **alarms}
        assert wanted.items() <= found.items(), (step, after)
        named = {rule["name"] for rule in config["rules"] if "alarm" in rule}
        # An alarm is told only when it changes.
        assert alarms.keys() == named & wanted.keys(), (step, after)
    whole = {"mqtt": {"host": "broker"}, "wifi": {"ssid": "net", "password": "password"}, **config}
    (tmp_path / "config.json").write_text(json.dumps(whole))
    check_config(tmp_path / "config.json", "ESP32_GENERIC")


# --- what else the page promises

DOOR = {"name": "door", "driver": "digital", "pin": 4}
VALVE = {"name": "valve", "driver": "relay", "pin": 5}
OPEN = {
    "name": "open", "when": "door for 10", "alarm": "The door is open",
    "then": {"set": "valve", "value": True, "for": 60},
}  # fmt: skip


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_rule_tells_what_it_did_and_its_alarm_since_when(bits: str, tmp_path: Path) -> None:
    config = {"sensors": [DOOR, VALVE], "rules": [OPEN]}
    first, then, off, on, back = afterwards(
        run(
            tmp_path, config,
            [[5, {"pin:4": 0}], [12, {"pin:4": 1}], [5, {"set": {"rule": "open", "on": False}}],
             [60, {}], [20, {"set": {"rule": "open", "on": True}}]],
            bits, start=noon(0),
        )
    )  # fmt: skip
    assert first["alarms"]["open"]["alarm"] is False
    began = then["told"][0][1]["time"]
    alarm = then["alarms"]["open"]
    assert {"alarm": True, "text": "The door is open", "value": 1}.items() <= alarm.items()
    assert alarm["since"] == began
    ((name, message),) = then["told"]
    assert (name, message["value"], message["because"]) == ("open", 1, 1)
    assert message["did"] == ["valve = true for 60 s"]
    assert isinstance(message["seq"], int) and isinstance(message["boot"], int)
    # Switched off: the alarm ends, what is running ends in its time, and nothing more is done.
    assert off["alarms"]["open"]["alarm"] is False and off["alarms"]["open"]["since"] > began
    assert off["states"]["valve"] == 1 and off["told"] == []
    assert on["states"]["valve"] == 0 and on["told"] == []
    assert back["alarms"]["open"]["alarm"] is True and back["states"]["valve"] == 1


def test_without_a_time_rules_with_times_of_day_wait_and_say_so(tmp_path: Path) -> None:
    config = {
        "place": PLACE,
        "sensors": [DOOR, VALVE, {"name": "lamp", "driver": "dimmer", "pin": 12}],
        "rules": [
            OPEN,
            {"when": "from 11:00 to 13:00", "alarm": "noon", "then": {"set": "lamp", "value": 5},
             "else": {"set": "lamp", "value": 1}},
        ],
    }  # fmt: skip
    waits, works = afterwards(
        run(tmp_path, config, [[20, {"pin:4": 1}], [20, {"clock": noon(0)}]], start=0)
    )
    assert "wait" in waits["about"]["rules"]
    assert waits["states"] == {"valve": 1, "lamp": 0.0}  # the others work
    assert waits["alarms"]["open"]["since"] is None
    assert "uptime" in waits["alarms"]["open"]
    assert "rules" not in works["about"]
    assert works["states"]["lamp"] == 5
    # It is told again, now that the time is known.
    assert noon(0) - 20 < works["alarms"]["open"]["since"] <= noon(0)


def test_a_sensor_that_keeps_failing_changes_nothing(tmp_path: Path) -> None:
    config = {
        "sensors": [{"name": "soil", "driver": "moisture", "pin": 34}, VALVE],
        "rules": [{"when": "soil < 30 for 20", "then": {"set": "valve", "value": True, "for": 60},
                   "else": {"set": "valve", "value": False}}],
    }  # fmt: skip
    _, fails, again, dry = afterwards(
        run(
            tmp_path, config,
            [[15, {"read": {"soil": 20}}], [15, {"read": {"soil": None}}],
             [15, {"read": {"soil": 20}}], [10, {}]],
            start=noon(0), driven=["soil"],
        )
    )  # fmt: skip
    assert (fails["states"]["valve"], again["states"]["valve"]) == (0, 0)  # its time starts again
    assert dry["states"]["valve"] == 1


def test_an_error_stays_with_its_rule_and_is_counted(tmp_path: Path) -> None:
    config = {
        "sensors": [DOOR, VALVE, {"name": "horn", "driver": "buzzer", "pin": 12}],
        "rules": [{"name": "bad", "when": "door", "then": {"set": "horn", "value": 9}}, OPEN],
    }
    (after,) = afterwards(
        run(tmp_path, config, [[20, {"pin:4": 1}]], start=noon(0), breaks="horn")
    )
    assert after["states"]["valve"] == 1
    assert after["drops"] >= 1 and "horn" in after["error"] + after["about"].get("error", "")


def test_a_full_queue_costs_no_reading_and_no_alarm(tmp_path: Path) -> None:
    """What the rules do themselves is told again when there is room; readings come first."""
    config = {
        "sensors": [DOOR, VALVE],
        "rules": [{**OPEN, "when": "door", "name": f"r{i}"} for i in range(10)],
    }
    steps = [[2, {"pin:4": i % 2}] for i in range(6)] + [[30, {"link": "up"}]]
    *_, last = told = afterwards(run(tmp_path, config, steps, start=noon(0), link="down"))
    assert all(each["refused"] <= 40 for each in told)
    assert {f"r{i}" for i in range(10)} == last["alarms"].keys()
    assert all(about["alarm"] for about in last["alarms"].values())


# --- a whole node


# The check of the config and the compiling of the rules run in the same heap.
WHOLE = {"wifi": {"ssid": "a network"}, "diagnostics": 10, "queue": 8, "place": PLACE}
IN_38_KB: dict[str, dict[str, Any]] = {
    "three sensors": {
        "sensors": [
            {"name": "air", "driver": "ntc", "pin": 0, "interval": 1, "supply": 1},
            {"name": "door", "driver": "digital", "pin": 4, "pull": "up"},
            {"name": "valve", "driver": "relay", "pin": 5, "most_s": 600},
        ],
        "rules": [
            {"name": "frost", "when": "air < 2 until 4 for 300", "alarm": "Frost"},
            {"name": "water", "when": "air > 30 until 25 and not from 10:00 to 18:00",
             "then": {"set": "valve", "value": True, "for": 120}, "again": 3600},
            {"name": "open", "when": "door for 5", "alarm": "The door is open"},
            {"name": "tariff", "when": "'house/tariff' < 10 and from sunset-30 to 23:00",
             "then": {"set": "valve", "value": True, "for": 60}},
        ],
    },
    # This takes some 612 names; the 621st takes 4.5 KB, see tools/config/heap.py.
    "three sensors with two filters each": {
        "sensors": [
            {"name": "air", "driver": "ntc", "pin": 0, "interval": 1, "supply": 1,
             "filters": [{"median": 5}, {"smooth": 0.5}]},
            {"name": "light", "driver": "bh1750", "sda": 4, "scl": 12, "interval": 1,
             "filters": [{"offset": 1}, {"delta": 1, "heartbeat": 5}]},
            {"name": "door", "driver": "digital", "pin": 13, "pull": "up",
             "filters": [{"invert": True}, {"delta": 0, "heartbeat": 60}]},
        ],
        "rules": [
            {"name": "frost", "when": "air < 2 until 4 for 300", "alarm": "Frost"},
            {"name": "dark", "when": "light < 30 until 40 and not from 10:00 to 18:00",
             "alarm": "It is dark"},
            {"name": "open", "when": "door for 5", "alarm": "The door is open"},
            {"name": "tariff", "when": "'house/tariff' < 10 and from sunset-30 to 23:00",
             "alarm": "Electricity is cheap"},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("what", IN_38_KB)
def test_a_node_with_four_rules_runs_from_a_rom_in_38_kilobytes(what: str) -> None:
    config = {**WHOLE, **IN_38_KB[what]}
    with nodes() as world:
        runs = [(config, size, True) for size in (37_376, 37_888, 38_400, 38_912)]
        faults = world.run(runs)
        # What arrives when differs from run to run, and takes memory: one failure may be chance.
        again = [run for run, fault in zip(runs, faults, strict=True) if fault]
        assert not any(world.run(again)), faults


def test_rules_act_on_the_simulated_board_with_the_broker_and_without(node: Node) -> None:
    switch = {"name": "lamp", "driver": "relay", "pin": 5, "most_s": 3600}
    config = node.config(
        format="cbor",  # rules read what is to be encoded
        sensors=[{**DOOR, "pin": 4, "pull": "up", "invert": True}, switch],
        rules=[
            {"name": "open", "when": "door", "alarm": "The door is open",
             "then": {"set": "lamp", "value": True}, "else": {"set": "lamp", "value": False}},
            {"name": "away", "when": "'petrel/house/mode' == 'away'", "alarm": "Away"},
        ],
    )  # fmt: skip
    node.write_config(config)
    node.bench.relay_off()
    node.bench.power_on()
    node.bench.wait_for_line("rules are compiled", 60)
    at = node.bench.wait_for_line(r"rule open \(0\)", 60)
    node.bench.set_pin(4, 0)  # nothing but the board has been there so far
    node.bench.wait_for_line(r"rule open \(1\): lamp = true", 60, at)
    assert not node.seen.seen(lambda topic, _: topic.startswith("petrel/n1/"), 0)
    node.seen.publish("petrel/house/mode", "away", retain=True)
    node.bench.relay_on()
    alarm = node.wait("alarm/open", 60, alarm=True)
    assert alarm["text"] == "The door is open" and alarm["value"] == 1
    assert abs(alarm["since"] - time.time()) < 600
    node.wait("lamp", 60, value=1)
    node.wait("alarm/away", 60, alarm=True)  # the topic was retained
    node.obeys()
    start = len(node.seen.messages)
    order = {"output": "rules", "value": {"rule": "open", "on": False}}
    assert node.command("set", json.dumps(order))["ok"]
    node.wait("alarm/open", 60, start, alarm=False)
    refused = node.command("set", json.dumps({**order, "value": {"rule": "none", "on": True}}))
    assert "there are open, away" in refused["error"]
    node.seen.publish("petrel/house/mode", "home", retain=True)
    node.wait("alarm/away", 60, start, alarm=False)
    assert node.wait("rules/away", 60, start, value=0)["because"] == "home"
