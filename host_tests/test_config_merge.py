"""Which part of a config makes what, and that no part leaves a node without a valid config."""

from __future__ import annotations

import importlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tests.harness.commands import Command
from host_tests.harness.interpreter import WIDTHS, interpreter
from host_tests.harness.node import DOOR, LIGHT, WIFI
from tools.config.difference import hidden, of_settings, part_of, shown
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.talk.config import command

merge: Any = importlib.import_module("node.config.merge")
SCRIPT = ROOT / "host_tests" / "scripts" / "patches.py"
GOOD: dict[str, Any] = {
    "node": "n1",
    "wifi": WIFI,
    "mqtt": {"host": "10.0.0.1", "user": "n1", "password": "its password"},
    "sensors": [DOOR, LIGHT],
}

# The examples of RFC 7396, appendix A, without those of which a config has no like: where the
# target is a list and the patch is not, or the result is not an object.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "part", "wanted"), EXAMPLES)
def test_examples_of_rfc_7396(target: Any, part: Any, wanted: Any) -> None:
    assert merge.patch(target, part) == wanted


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ({"b": {"x": 2}}, [{"name": "a"}, {"name": "b", "x": 2}, {"name": "2"}]),
        ({"0": {"x": 1}}, [{"name": "a", "x": 1}, {"name": "b"}, {"name": "2"}]),
        ({"0": None, "b": None}, [{"name": "2"}]),
        ({"2": None}, [{"name": "a"}, {"name": "b"}]),  # its name goes before its place
        ({"c": {"x": 1}}, [{"name": "a"}, {"name": "b"}, {"name": "2"}, {"name": "c", "x": 1}]),
        ({"3": {"name": "d"}}, [{"name": "a"}, {"name": "b"}, {"name": "2"}, {"name": "d"}]),
        ({"a": {"name": "z"}}, [{"name": "z"}, {"name": "b"}, {"name": "2"}]),
        ({"9": None, "none": None}, [{"name": "a"}, {"name": "b"}, {"name": "2"}]),
    ],
)
def test_entries_of_a_list_by_name_and_place(part: dict[str, Any], wanted: list[Any]) -> None:
    sensors = [{"name": "a"}, {"name": "b"}, {"name": "2"}]
    assert merge.patch({"sensors": sensors}, {"sensors": part}) == {"sensors": wanted}


@pytest.mark.parametrize("part", [{"9": {"x": 1}}, {"c": 5}])
def test_entries_that_are_not_there(part: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'there is no "(9|c)" in a list of 1'):
        merge.patch([{"name": "a"}], part)


def test_a_first_sensor_and_an_entry_of_another_list() -> None:
    added = merge.patch({}, {"sensors": {"a": {"pin": 1}}})
    assert added == {"sensors": [{"pin": 1, "name": "a"}]}
    assert merge.patch({"host": ["a", "b"]}, {"host": {"1": "c"}}) == {"host": ["a", "c"]}


NAMES = st.sampled_from(["a", "b", "c", "door", "0"])
LEAVES = st.integers(-3, 3) | st.text("xyz", max_size=2) | st.booleans()
ENTRIES = st.dictionaries(st.sampled_from(["pin", "interval"]), LEAVES, max_size=2)
SENSORS = st.dictionaries(NAMES, ENTRIES, max_size=4).map(
    lambda found: [{"name": name, **entry} for name, entry in found.items()]
)
CONFIGS = st.fixed_dictionaries(
    {"sensors": SENSORS},
    optional={
        "queue": LEAVES,
        "mqtt": st.dictionaries(st.sampled_from(["host", "port"]), LEAVES, max_size=2),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(CONFIGS, CONFIGS)
def test_the_part_makes_the_new_config_of_the_old_one(old: Any, new: Any) -> None:
    before = json.loads(json.dumps(old))
    assert merge.patch(before, part_of(old, new)) == new


def test_secrets_that_are_left_out_are_in_no_part_and_others_are_not_shown() -> None:
    old = {"mqtt": {"user": "u", "password": None}, "commands": {"secret": None}}
    assert part_of(old, {"mqtt": {"user": "u"}}) == {}
    new = {"mqtt": {"user": "u", "password": "canary"}, "commands": {"secret": None}}
    assert part_of(old, new) == {"mqtt": {"password": "canary"}}
    assert "canary" not in "".join(shown(old, new)) and "(new)" in "".join(shown(old, new))
    assert hidden([{"secret": "x"}]) == [{"secret": "(new)"}]


def test_another_cloud_takes_nothing_of_the_one_before() -> None:
    azure: dict[str, Any] = {"cloud": {"azure": None}}
    assert part_of(azure, {"cloud": {}}) == {}
    hosted = {"cloud": {"service": "ubidots", "token": "1"}}
    part = part_of(azure, hosted)
    assert part == {"cloud": {"azure": None, "service": "ubidots", "token": "1"}}
    real = {"cloud": {"azure": "HostName=h"}}
    made = merge.patch(json.loads(json.dumps(real)), part)
    assert merge.keep(made, real) == hosted


def test_passwords_stay_with_their_networks_in_a_list() -> None:
    home, work = {"ssid": "home", "password": "1"}, {"ssid": "work", "password": "2"}
    shown_home, shown_work = {"ssid": "home", "password": None}, {"ssid": "work"}
    before = {"wifi": [home, work]}
    cases: list[tuple[Any, list[str | None]]] = [
        ([shown_work, shown_home], ["2", "1"]),
        ([{"ssid": "new"}, {**shown_work, "country": "DE"}], [None, "2"]),
        (shown_work, ["2"]),
    ]
    for new, kept in cases:
        wifi = json.loads(json.dumps(new))
        found = merge.keep({"wifi": wifi}, before)["wifi"]
        networks = found if isinstance(found, list) else [found]
        assert [each.get("password") for each in networks] == kept
    assert merge.keep({"wifi": [shown_work, dict(shown_home)]}, {"wifi": home})["wifi"][1] == home
    now = {"wifi": [shown_home, {**shown_work, "password": None}]}
    assert part_of(now, {"wifi": [{"ssid": "home"}, shown_work]}) == {}
    part = part_of(now, {"wifi": [{"ssid": "home"}, {**shown_work, "country": "DE"}]})
    assert part == {"wifi": {"1": {"country": "DE"}}}
    assert merge.patch(before, part) == {"wifi": [home, {**work, "country": "DE"}]}


def test_settings() -> None:
    part = of_settings(("a.0.b=5", "a.0.c=null", "d=text", 'e="5"', "f=[1]"))
    assert part == {"a": {"0": {"b": 5, "c": None}}, "d": "text", "e": "5", "f": [1]}
    for wrong in (("a",), ("=1",), ("a..b=1",), ("a=1", "a.b=2")):
        with pytest.raises(ToolError):
            of_settings(wrong)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("queue", "'queue' is no setting"),
        ("queue=many", 'queue: "many" is wrong\n  Use a whole number from 1 to 1024'),
        ("mqtt.port=70000", "mqtt.port: 70000 is wrong"),
        ("wifi.password=short", "wifi.password: the value is wrong\n  Use 8 to 63 characters"),
        ("sensors.light.interval=0.01", "sensors.light.interval: 0.01 is wrong"),
        ("format=xml", 'format: "xml" is wrong\n  Use one of "json", "msgpack"'),
        ("mqtt.version=6", "mqtt.version: 6 is wrong"),
        ("ethernet.phy_addr=99", "ethernet.phy_addr: 99 is wrong"),
        ("place.latitude=100", "place.latitude: 100 is wrong"),
        ("provision.window=5", "provision.window: 5 is wrong"),
        ("homeassistant.convention=x", 'homeassistant.convention: "x" is wrong'),
        ("sensors.light.homeassistant.icon=3", "sensors.light.homeassistant.icon: 3 is wrong"),
        ("wifi.1.password=short", "wifi.1.password: the value is wrong"),
        ("sensors.0.delivery=always", 'sensors.0.delivery: "always" is wrong'),
        ("queue=null", "no broker at 127.0.0.1:1"),  # that depends on the node
        ("sensors.light.pin=99", "no broker at 127.0.0.1:1"),
        ("wifi=[]", "no broker at 127.0.0.1:1"),
        ("homeassistant.area=Garden", "no broker at 127.0.0.1:1"),
    ],
)
def test_what_can_be_checked_is_before_the_node_is_asked(setting: str, words: str) -> None:
    assert words in Command(command).refused("n1", "--set", setting, "--host", "127.0.0.1:1")


KEYS = st.sampled_from(
    [
        "node", "base", "wifi", "mqtt", "sensors", "queue", "commands", "host", "port", "ssid",
        "password", "user", "secret", "trial", "light", "door", "0", "1", "2", "name", "driver",
        "pin", "interval", "x",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
NUMBER = st.integers(-1, 300)
NEAR = st.one_of(
    st.fixed_dictionaries({"queue": NUMBER}),
    st.fixed_dictionaries({"sensors": st.dictionaries(KEYS, ANY, max_size=2)}),
    st.fixed_dictionaries(
        {"sensors": st.fixed_dictionaries({"light": st.fixed_dictionaries({"interval": NUMBER})})}
    ),
    st.fixed_dictionaries({"mqtt": st.dictionaries(KEYS, ANY, max_size=2)}),
    st.fixed_dictionaries({"commands": st.dictionaries(KEYS, ANY, max_size=2)}),
    st.fixed_dictionaries({"wifi": st.dictionaries(KEYS, ANY, max_size=2)}),
    st.just(GOOD),
    st.just({**GOOD, "queue": 9}),
    st.dictionaries(KEYS, ANY, max_size=3),
    ANY,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(NEAR, min_size=5, max_size=25))
def test_no_part_leaves_a_node_without_a_valid_config(parts: list[Any]) -> None:
    machine = interpreter(WIDTHS[0])
    with tempfile.TemporaryDirectory(prefix="petrel-parts-") as folder:
        (Path(folder) / "config.json").write_text(json.dumps(GOOD))
        done = subprocess.run(
            machine.command(SCRIPT.read_text(), heap="2000K"),
            env=machine.environment(),
            input="".join(json.dumps(part) + "\n" for part in parts),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=folder,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("stored "), done.stdout
