"""A node that speaks the Homie convention, version 5, instead of to Home Assistant.

What it publishes is held against the convention's own rules (homieiot.github.io), and read and
set by a controller that others have written, ebus-sdk's.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ebus_sdk import Controller

from host_tests.harness.every_driver import NAMES, switch_on
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import COMMANDS_S, DOOR, LIGHT, Node, make_node
from tools.config.check import of_file
from tools.play.broker import Broker
from tools.play.sim.control import send
from tools.play.subscriber import Subscriber
from tools.shared.imports import drivers

HOMIE = {"convention": "homie"}
PUMP = {"name": "Well_pump", "driver": "relay", "pin": 18}
STRIP = {"name": "strip", "driver": "pixels", "pin": 21}
BELL = {"name": "bell", "driver": "buzzer", "pin": 22, "most_s": 300}
FLAP = {"name": "flap", "driver": "servo", "pin": 19, "range": 180}
STATE = "homie/5/n1/$state"
DESCRIPTION = "homie/5/n1/$description"
PATIENCE = 60

IDENTIFIER = r"[a-z0-9-]+"
NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?"
PAYLOADS = {
    "integer": "-?[0-9]+",
    "float": NUMBER,
    "boolean": "true|false",
    "string": ".+",
    "color": f"rgb,{NUMBER},{NUMBER},{NUMBER}",
}
# The units that a controller has to know; pressure, rate and others are free.
UNITS = {
    "°C", "°F", "°", "L", "gal", "V", "W", "kW", "kWh", "A", "Hz", "rpm", "%", "m", "m³", "ft",
    "m/s", "kn", "Pa", "psi", "ppm", "s", "min", "h", "lx", "K", "MK⁻¹", "#",
}  # fmt: skip
OTHER_UNITS = {"hPa", "bar", "L/min"}


# --- the rules


def check_description(found: Any) -> None:
    """What the convention demands of a $description."""
    assert re.fullmatch(r"5\.[0-9]+", found["homie"])
    assert type(found["version"]) is int and found["name"]
    assert found.keys() <= {"homie", "version", "nodes", "name", "type", "children", "extensions"}
    for name, node in found["nodes"].items():
        assert re.fullmatch(IDENTIFIER, name)
        assert node.keys() <= {"name", "type", "properties"}
        for key, about in node["properties"].items():
            assert re.fullmatch(IDENTIFIER, key)
            check_property(about)


def check_property(about: dict[str, Any]) -> None:
    """What it demands of a property in it."""
    kind = about["datatype"]
    assert about.keys() <= {"name", "datatype", "format", "settable", "retained", "unit"}
    assert kind in (*PAYLOADS, "enum")
    assert type(about.get("settable", False)) is type(about.get("retained", True)) is bool
    assert about.get("unit", "%") in UNITS | OTHER_UNITS
    shown = about.get("format", "")
    if kind == "enum":
        assert all(shown.split(","))
    elif kind == "color":
        assert set(shown.split(",")) <= {"rgb", "hsv", "xyz"}
    elif shown:
        assert kind == "float" and re.fullmatch(f"({NUMBER})?:({NUMBER})?", shown)


def is_value(about: dict[str, Any], payload: str) -> bool:
    """Whether a payload is a value of a property."""
    if about["datatype"] == "enum":
        return payload in about["format"].split(",")
    if not re.fullmatch(PAYLOADS[about["datatype"]], payload):
        return False
    if about["datatype"] == "color":
        return all(0 <= float(each) <= 255 for each in payload.split(",")[1:])
    least, _, most = about.get("format", ":").partition(":")
    return not (
        (least and float(payload) < float(least)) or (most and float(payload) > float(most))
    )


def check_messages(messages: list[tuple[str, str]], device: str) -> dict[str, str]:
    """Check all that a device has published from its start on; returns the last value of each."""
    start = f"homie/5/{device}/"
    own = [
        (topic.removeprefix(start), text) for topic, text in messages if topic.startswith(start)
    ]
    own = [each for each in own if not each[0].endswith("/set")]
    (described,) = {text for topic, text in own if topic == "$description"}
    description = json.loads(described)
    check_description(description)
    names = [topic for topic, _ in own]
    assert own[0] == ("$state", "init")
    last = len(own) - own[::-1].index(("$state", "ready"))
    assert names.index("$description") < last
    values = {}
    for topic, text in own:
        if topic[0] != "$":
            node, key = topic.split("/")
            about = description["nodes"][node]["properties"][key]
            assert is_value(about, text), (topic, text)
            values[topic] = text
    for node, it in description["nodes"].items():
        for key, about in it["properties"].items():
            if about.get("retained", True):  # all of them are told before it is ready
                assert f"{node}/{key}" in names[:last]
    return values


def retained(broker: Broker) -> dict[str, str]:
    """What a controller that subscribes now is told of Homie."""
    with Subscriber(broker, "homie/#") as late:
        late.catch_up()
        return dict(late.messages)


# --- nodes


@pytest.fixture
def homie(broker: Broker) -> Iterator[Subscriber]:
    with Subscriber(broker, "homie/#") as found:
        yield found


@pytest.fixture
def node(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Node]:
    """A node, switched off and without a config."""
    node = make_node(tmp_path, WIDTHS[-1], broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


def start(node: Node, homie: Subscriber, *parts: dict[str, Any], **more: Any) -> None:
    """Switch the node on with these sensors, and wait until it is ready."""
    first = len(homie.messages)
    more = {"homeassistant": HOMIE, **more}
    node.write_config(node.config(sensors=list(parts), ntp="", **more))
    node.bench.power_on()
    assert homie.seen(lambda *each: each == (STATE, "ready"), PATIENCE, first)


def test_every_field_of_every_driver_keeps_the_rules(
    tmp_path: Path, broker: Broker, seen: Subscriber, homie: Subscriber
) -> None:
    with ExitStack() as stack:
        nodes = switch_on(stack, tmp_path, broker, seen, homeassistant=HOMIE)
        for name in NAMES:
            state = (f"homie/5/{name}/$state", "ready")
            assert homie.seen(lambda *each, state=state: each == state, PATIENCE)
        button = nodes[0][1]["button"].pins["pin"]
        send(nodes[0][0].bench.control_address, {"do": "press", "pin": button, "ms": 300})
        assert homie.wait("homie/5/a/button/press", PATIENCE) == "click"
        described = set()
        late = retained(broker)
        for name in NAMES:
            for topic, value in check_messages(homie.messages, name).items():
                described.add(topic.partition("/")[0])
                event = topic == "button/press"
                assert (f"homie/5/{name}/{topic}" in late) != event, (topic, value)
        assert described == set(drivers())
        # Nobody would turn that off: the last will is Homie's.
        assert {text for topic, text in seen.messages if topic.endswith("/status")} == {""}


SAME = ({**DOOR, "name": "Well-Pump"}, PUMP)


@pytest.mark.parametrize(
    ("sensors", "more", "fault"),
    [
        (SAME, {}, '"Well-Pump" and "Well_pump" are the same name. Rename one.'),
        ((PUMP,), {"area": "Garden"}, "homeassistant.area: Homie has none. Remove it."),
        ((PUMP,), {"prefix": "a/b"}, 'homeassistant.prefix: "a/b" is wrong.'),
        ((PUMP,), {"convention": "matter"}, 'homeassistant.convention: "matter" is wrong.'),
    ],
)
def test_what_homie_cannot_take_is_a_fault_of_the_config(
    node: Node, sensors: tuple[dict[str, Any], ...], more: dict[str, str], fault: str
) -> None:
    node.write_config(node.config(sensors=list(sensors), homeassistant={**HOMIE, **more}))
    faults, _ = of_file(node.flash / "config.json", "ESP32_GENERIC")
    assert len(faults) == 1 and fault in faults[0], faults


class Watching:
    """A controller of ebus-sdk that has found the node."""

    def __init__(self, broker: Broker) -> None:
        self._changed = threading.Condition()
        config = {"host": broker.host, "port": broker.port}
        self.controller = Controller(config, homie_domain="homie")
        self.controller.set_on_device_state_changed_callback(self._tell)
        self.controller.set_on_property_changed_callback(self._tell)
        self.controller.set_on_device_discovered_callback(self._tell)

    def __enter__(self) -> Watching:
        self.controller.start_discovery()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()

    def _tell(self, *_: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(self, true: Callable[[Any], object]) -> None:
        """Wait until something is true of the device."""

        def holds() -> object:
            device = self.controller.get_device("n1")
            return device and true(device)

        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE), vars(self.controller.get_device("n1"))

    def set(self, node: str, key: str, value: str) -> None:
        assert self.controller.set_property("n1", node, key, value)


def has(name: str, key: str, value: str, device: Any) -> bool:
    return bool(device.get_property(name, key) == value)


@pytest.mark.filterwarnings("ignore:Callback API version 1:DeprecationWarning")
def test_a_controller_of_others_reads_and_sets_it(
    node: Node, broker: Broker, homie: Subscriber
) -> None:
    start(node, homie, DOOR, PUMP, STRIP, BELL, FLAP, {**LIGHT, "interval": 60})
    node.obeys()
    with Watching(broker) as watching:
        watching.until(lambda device: device.state == "ready" and device.description)
        watching.until(lambda device: len(device.properties) == 6)
        device = watching.controller.get_device("n1")
        assert device and device.get_property("door", "state") == "false"
        assert device.get_node_properties("light")["value"]["unit"] == "V"
        for name, key, asked, told in (
            ("well-pump", "on", "true", "true"),
            ("well-pump", "on", "false", "false"),
            ("strip", "colour", "rgb,1,20.4,255", "rgb,1,20,255"),
            ("bell", "on", "true", "true"),
            ("bell", "on", "false", "false"),
            ("flap", "angle", "12.5", "12.50"),
        ):
            watching.set(name, key, asked)
            watching.until(partial(has, name, key, told))
        node.bench.power_off()
        watching.until(lambda device: device.state == "lost")
        node.bench.power_on()
        watching.until(lambda device: device.state == "ready")


def test_it_says_goodbye_before_it_restarts(node: Node, homie: Subscriber) -> None:
    start(node, homie, PUMP)
    node.obeys()
    first = len(homie.messages)
    node.command("reboot")
    assert homie.seen(lambda *each: each == (STATE, "ready"), PATIENCE, first)
    states = [text for topic, text in homie.messages[first:] if topic == STATE]
    assert states == ["disconnected", "init", "ready"]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("Well_pump/on", "true"),
        ("well-pump/on", "on"),
        ("well-pump/on", ""),
        ("strip/colour", "rgb,1,2,300"),
        ("strip/colour", "hsv,1,2,3"),
        ("strip/colour", "rgb,1,x,3"),
        ("strip/colour", "rgb,1,2"),
        ("flap/angle", "181"),
        ("flap/angle", "nan"),
        ("light/value", "1"),
    ],
)
def test_what_it_cannot_set_is_told_and_changes_nothing(
    steady: tuple[Node, Subscriber], topic: str, payload: str
) -> None:
    node, homie = steady
    time.sleep(2 / COMMANDS_S)  # that and the ping are two commands, which the node limits
    before = retained(node.broker)
    at = len(node.bench.lines)
    homie.publish(f"homie/5/n1/{topic}/set", payload)
    node.bench.wait_for_line("Homie: ", start=at)
    assert node.command("ping")["ok"]
    after = retained(node.broker)
    assert {key: after[key] for key in before if "light" not in key} == {
        key: before[key] for key in before if "light" not in key
    }


@pytest.fixture(scope="module")
def steady(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Node, Subscriber]]:
    """A node that is ready, for tests that leave it as it was."""
    with (
        Broker() as broker,
        Subscriber(broker) as seen,
        Subscriber(broker, "homie/#") as homie,
    ):
        node = make_node(tmp_path_factory.mktemp("steady"), WIDTHS[-1], broker, seen)
        with node.bench:
            start(node, homie, PUMP, STRIP, FLAP, {**LIGHT, "interval": 60})
            node.obeys()
            yield node, homie


def test_what_leaves_the_config_is_cleared(node: Node, broker: Broker, homie: Subscriber) -> None:
    start(node, homie, DOOR, PUMP)
    first = retained(broker)
    assert first.keys() >= {"homie/5/n1/well-pump/on", DESCRIPTION, STATE}
    start(node, homie, DOOR)
    second = retained(broker)
    assert "homie/5/n1/well-pump/on" not in second and "homie/5/n1/door/state" in second
    version = [json.loads(each[DESCRIPTION])["version"] for each in (first, second)]
    assert version[0] < version[1]
    start_with_home_assistant(node)
    assert homie.seen(lambda *each: each == (DESCRIPTION, ""), PATIENCE)
    homie.catch_up()
    assert not retained(broker)


def start_with_home_assistant(node: Node) -> None:
    node.write_config(node.config(sensors=[DOOR], ntp="", homeassistant={}))
    with Subscriber(node.broker, "homeassistant/device/n1/config") as found:
        node.bench.power_on()
        found.wait("homeassistant/device/n1/config", PATIENCE)


def test_a_node_that_takes_signed_commands_can_only_be_read(node: Node, homie: Subscriber) -> None:
    start(node, homie, PUMP, commands={"secret": "sixteen letters!"})
    properties = homie.wait(DESCRIPTION, PATIENCE)["nodes"]["well-pump"]["properties"]
    assert "settable" not in properties["on"]
    homie.publish("homie/5/n1/well-pump/on/set", "true")
    homie.catch_up()
    assert not homie.seen(lambda *each: each == ("homie/5/n1/well-pump/on", "true"), 1)


def test_another_domain_and_a_sensor_that_is_not_shown(
    node: Node, broker: Broker, seen: Subscriber
) -> None:
    hidden = {**DOOR, "homeassistant": False}
    with Subscriber(broker, "acme/#") as found:
        start_at = {"homeassistant": {**HOMIE, "prefix": "acme"}, "base": "site/one"}
        node.write_config(node.config(sensors=[hidden, PUMP], ntp="", **start_at))
        node.bench.power_on()
        assert found.seen(lambda *each: each == ("acme/5/site-one-n1/$state", "ready"), PATIENCE)
        assert not [topic for topic, _ in found.messages if "door" in topic]
