"""What a node tells Home Assistant, as a broker has it.

The real one is beside a node in host_tests/homeassistant.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import DOOR, LIGHT, Node, make_node
from host_tests.harness.slots import Release, contents_of, equip, install
from host_tests.test_ram import CONFIG, ROM_SCRIPT
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.imports import drivers
from tools.shared.paths import LIB, MICROPYTHON
from tools.shared.process import popen
from tools.talk.readings import parse
from tools.wiring.drivers import facts

TOPIC = "homeassistant/device/n1/config"
BIRTH = "homeassistant/status"
FILE = "homeassistant.txt"
PUMP = {"name": "pump", "driver": "relay", "pin": 18}
SLOW = {**LIGHT, "interval": 3600}
ANNOUNCING = ROM_SCRIPT.with_name("announcing.py")
FRESH = "Home Assistant will be told what has changed"


@pytest.fixture
def node(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Node]:
    """A node, switched off and without a config."""
    node = make_node(tmp_path, WIDTHS[-1], broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


def start(node: Node, *parts: dict[str, Any], **more: Any) -> None:
    """Switch the node on with these sensors."""
    node.write_config(node.config(sensors=list(parts), ntp="", **more))
    node.bench.power_on()


def retained(broker: Broker, topic: str = TOPIC) -> Any:
    """The discovery that a new subscriber gets."""
    with Subscriber(broker, topic) as late:
        return late.wait(topic, 15)


FIELDS = """
import sys, json
from node.homeassistant.classes import FIELDS
print(json.dumps(sorted(FIELDS)))
"""


def test_every_field_of_every_driver_has_its_place_in_the_table() -> None:
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", FIELDS],
        env={"MICROPYPATH": f"{LIB}:.frozen"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    known = json.loads(done.stdout)
    for driver in drivers():
        for field in facts(driver)["fields"]:
            assert field[0] in known, f"add {field[0]}, of {driver}, to classes.py"


def test_the_discovery_is_one_retained_message_that_names_each_entity(
    node: Node, broker: Broker
) -> None:
    start(node, DOOR, PUMP, SLOW, homeassistant={"area": "Garden", "prefix": "ha/discovery"})
    topic = "ha/discovery/device/n1/config"
    found = retained(broker, topic)
    assert found["dev"]["ids"] == "n1" and found["dev"]["sa"] == "Garden"
    assert found["avty_t"] == "petrel/n1/status"
    assert {"door_binary_sensor", "pump_switch", "light_value", "problem"} <= found["cmps"].keys()
    for key, about in found["cmps"].items():
        assert about["uniq_id"] == f"n1_{key}"
    assert found["cmps"]["light_value"]["exp_aft"] == 10_800
    assert node.bench.wait_for_line(FRESH)
    assert (node.flash / FILE).read_text().partition("\n")[2].startswith('{"dev":')


@pytest.mark.parametrize("signed", [False, True])
def test_a_node_that_takes_updates_shows_them(node: Node, broker: Broker, signed: bool) -> None:
    equip(node.flash)
    start(node, SLOW, homeassistant={}, **({"commands": {"secret": "s" * 16}} if signed else {}))
    about = retained(broker)
    found = about["cmps"]["update"]
    assert found["stat_t"] == "petrel/n1/update/state"
    assert (found.get("cmd_t"), found.get("pl_inst")) == (
        (None, None) if signed else ("petrel/n1/cmd/update", "install")
    )
    assert node.bench.wait_for_line(FRESH)
    node.wait("update/state", state="idle")
    node.bench.power_off()
    install(node.flash, Release(contents_of(), serial=12), state="a - 0 12")
    node.bench.power_on()
    with Subscriber(broker, TOPIC) as late:
        assert late.seen(lambda _, text: json.loads(text)["dev"]["sw"] == "0.12.0", 60)


def test_filters_change_the_unit_and_how_long_a_value_holds(node: Node, broker: Broker) -> None:
    filters = [{"to": "mV"}, {"throttle": 600}]
    late = {"name": "t", "driver": "ds18b20", "pin": 18, "interval": 30}
    start(
        node, {**SLOW, "filters": filters}, {**late, "filters": [{"to": "F"}, {"delta": 1}]},
        homeassistant={},
    )  # fmt: skip
    found = retained(broker)["cmps"]
    assert found["light_value"]["unit_of_meas"] == "mV"
    assert found["light_value"]["exp_aft"] == 3 * (3600 + 600)
    assert found["t_temperature"]["unit_of_meas"] == "°F"  # its part has not answered yet
    assert "exp_aft" not in found["t_temperature"]
    assert node.wait("light")["unit"] == "mV"
    held = node.command("read", "light")
    assert held["ok"] and held["values"]["light"] > 0
    order = json.dumps({"sensor": "light", "seconds": 60})
    assert node.command("interval", order)["ok"]
    assert '"exp_aft":1980 ' in (node.flash / FILE).read_text()


def test_a_start_with_the_same_config_writes_nothing_and_does_not_start_afresh(
    node: Node, broker: Broker
) -> None:
    start(node, DOOR, homeassistant={})
    retained(broker)
    before = (node.flash / FILE).stat().st_mtime_ns
    at = len(node.bench.lines)
    first = len(node.seen.messages)
    node.bench.power_cut()
    node.wait("diagnostics", start=first)
    assert not [line for line in node.bench.lines[at:] if FRESH in line]
    assert (node.flash / FILE).stat().st_mtime_ns == before


def test_every_value_is_told_again_after_the_birth_message(node: Node, broker: Broker) -> None:
    start(node, DOOR, SLOW, homeassistant={})
    node.wait("light", 20)
    node.wait("diagnostics")
    with Subscriber(broker, TOPIC) as found:
        found.wait(TOPIC, 20)
        node.seen.catch_up()
        node.wait("light", start=len(node.seen.messages))  # with it the first telling is over
        for _ in range(2):
            at, messages = len(node.seen.messages), len(found.messages)
            node.seen.publish(BIRTH, "online")
            found.wait(TOPIC, 12, start=messages)
            node.wait("light", 12, start=at)
            node.wait("door", start=at)
            node.wait("diagnostics", start=at)
    assert node.command("ping")["ok"]


def test_without_a_word_in_the_config_it_waits_for_the_birth_message(
    node: Node, broker: Broker
) -> None:
    start(node, DOOR)
    node.wait("diagnostics")
    with Subscriber(broker, "homeassistant/#") as found:
        assert not found.seen(lambda *_: len(found.messages) > 0, 11)
        node.seen.publish(BIRTH, "online")
        found.wait(TOPIC, 15)
    assert not [line for line in node.bench.lines if FRESH in line]
    assert node.wait("diagnostics").get("not_subscribed") is None


def test_false_takes_back_what_was_told(node: Node, broker: Broker) -> None:
    start(node, DOOR, homeassistant={})
    retained(broker)
    with Subscriber(broker, TOPIC) as found:
        found.wait(TOPIC)
        start(node, DOOR, homeassistant=False)
        assert found.seen(lambda _, payload: payload == "", 60)
    node.obeys()  # and so the turn that sent it has ended
    assert not (node.flash / FILE).exists()


def test_another_prefix_takes_back_what_was_told_under_the_first(
    node: Node, broker: Broker
) -> None:
    start(node, DOOR, homeassistant={})
    retained(broker)
    with Subscriber(broker, TOPIC) as found:
        found.wait(TOPIC)
        start(node, DOOR, homeassistant={"prefix": "other"})
        assert found.seen(lambda _, payload: payload == "", 20)
    assert retained(broker, "other/device/n1/config")["cmps"]


def _holds(part: str, _: str, text: str) -> bool:
    return part in text


def test_a_sensor_that_is_gone_is_named_until_it_is_back(node: Node, broker: Broker) -> None:
    start(node, DOOR, PUMP, homeassistant={})
    retained(broker)
    for parts, gone in (((DOOR,), True), ((DOOR,), True), ((PUMP,), False)):
        node.bench.power_off()
        start(node, *parts, homeassistant={"area": str(len(node.bench.resets))})
        first = len(node.seen.messages)
        node.wait("diagnostics", 20, start=first)
        with Subscriber(broker, TOPIC) as found:
            wanted = '"pump_switch":{"p":"switch"}' if gone else "n1_pump_switch"
            assert found.seen(partial(_holds, wanted), 15)


def test_where_nothing_of_it_is_allowed_the_readings_go_on(
    tmp_path: Path, broker_factory: Callable[..., Broker]
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite petrel/#\n")
    broker = broker_factory(settings=(f"acl_file {acl}",))
    with Subscriber(broker, "petrel/#") as seen:
        node = make_node(tmp_path / "flash", WIDTHS[-1], broker, seen)
        with node.bench:
            start(node, LIGHT, homeassistant={}, diagnostics=10)
            assert seen.seen(
                lambda topic, text: "diagnostics" in topic and _uptime(text) >= 20, 60
            )
            told = node.wait("diagnostics", 30, start=len(seen.messages) - 1)
            assert told["drops"] == 0 and told["connects"] == 1
            node.wait("light", start=len(seen.messages))


CHANCE = 96  # bytes by which the least of them may differ all the same
MEASURING = 160  # bytes of what measures it
_NODES = 4  # each with its heap laid out differently


def _uptime(text: str) -> int:
    return int(parse(text)["uptime"])


def free_bytes(
    folder: Path, rom: Path, broker: Broker, seen: Subscriber, name: str, **more: Any
) -> int:
    """The heap of a node in a ROM, when it has done all that follows a start."""
    config = {**CONFIG, "node": name, "mqtt": {"host": broker.host, "port": broker.port}, **more}
    (folder / "config.json").write_text(json.dumps(config))
    command = [str(MICROPYTHON["32"]), "-X", "heapsize=38K", str(ROM_SCRIPT), str(rom)]
    topic = f"petrel/{name}/diagnostics"
    starts = 3 if more else 2  # one ends after the check of the config, one for the discovery
    for start in range(starts):
        process = popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            if start == starts - 1:
                assert seen.seen(lambda its, text: its == topic and _uptime(text) >= 20, 60)
            else:
                process.wait(30)
        finally:
            process.kill()
            output, _ = process.communicate()
        assert "memory" not in output and "Traceback" not in output, output
    told = [parse(text) for its, text in seen.messages if its == topic]
    return int(told[-1]["heap_free"])


def test_homie_fits_38_kilobytes_from_a_rom(
    tmp_path: Path, rom: Path, broker: Broker, seen: Subscriber
) -> None:
    with Subscriber(broker, "homie/5/n1/$state") as homie:
        about = {"convention": "homie"}
        assert free_bytes(tmp_path, rom, broker, seen, "n1", homeassistant=about)
        assert homie.seen(lambda _, text: text == "ready", 0.1)


def settled(folder: Path, rom: Path, broker: Broker, **more: Any) -> tuple[int, int, set[str]]:
    """A node that has told all there is: bytes in use, those of announcing itself, the names."""
    folder.mkdir()
    lost = str(16 * len(folder.name))
    mqtt = {"host": broker.host, "port": broker.port}
    config = {**CONFIG, "node": folder.name, "mqtt": mqtt, **more}
    (folder / "config.json").write_text(json.dumps(config))
    command = [str(MICROPYTHON["32"]), "-X", "heapsize=38K", str(ANNOUNCING), str(rom), lost]
    for _ in range(3):  # one ends after the check of the config, one for the discovery
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert "memory alloc" not in done.stdout and "Traceback" not in done.stdout, done.stdout
        if used := re.search(r"in use (\d+)\nmost (\d+)\n", done.stdout):
            return int(used[1]), int(used[2]), set(re.findall(r"^Q\((.*)\)$", done.stdout, re.M))
    raise AssertionError(done.stdout)


def test_discovery_fits_38_kilobytes_from_a_rom_and_costs_nothing_afterwards(
    tmp_path: Path, rom: Path, broker: Broker
) -> None:
    """The collector takes stale words for references: the least of several nodes is what it needs.

    Of a module that is forgotten its path would stay, as the name of a file.
    """

    def least(kind: str, **more: Any) -> tuple[int, int, set[str]]:
        folders = [tmp_path / f"{kind}{'x' * length}" for length in range(_NODES)]
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda each: settled(each, rom, broker, **more), folders))
        print(kind, *(each[:2] for each in found))
        used, announcing, names = zip(*found, strict=True)
        return min(used), min(announcing), set().union(*names)

    without, _, known = least("none")
    for kind in ("home", "more", "last"):  # by chance there is a stale word in all of them
        used, announcing, names = least(kind, homeassistant={})
        assert names <= known
        assert announcing > 0
        if used - without <= CHANCE and announcing <= 1500 + MEASURING:
            break
    assert retained(broker, TOPIC.replace("n1", "home"))["cmps"]["light_value"]
    assert used - without <= CHANCE
    assert announcing <= 1500 + MEASURING, announcing
