"""A node in a real Home Assistant: every driver, commands, outages, and what leaves the config."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.every_driver import GROUPS, NAMES, switch_on
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import DOOR, LIGHT, Node, make_node
from host_tests.harness.slots import Release, Server, contents_of, equip, honest
from host_tests.homeassistant.hass import HomeAssistant
from tools.play.broker import Broker
from tools.play.sim.control import send
from tools.play.subscriber import Subscriber
from tools.shared.imports import drivers

PUMP = {"name": "pump", "driver": "relay", "pin": 18}
BIRTH = "homeassistant/status"
NOTHING = ("unknown", "unavailable")
TEMPERATURE = ("temperature", "\u00b0C", "measurement")
HUMIDITY = ("humidity", "%", "measurement")
# Entity -> class, unit and state class, of the sensors; of the others the class alone.
SHOWN: dict[str, tuple[str | None, ...]] = {
    "sensor.a_aht20_temperature": TEMPERATURE,
    "sensor.a_aht20_humidity": HUMIDITY,
    "sensor.a_sht3x_temperature": TEMPERATURE,
    "sensor.a_sht3x_humidity": HUMIDITY,
    "sensor.a_dht11_temperature": TEMPERATURE,
    "sensor.a_dht11_humidity": HUMIDITY,
    "sensor.a_dht22_temperature": TEMPERATURE,
    "sensor.a_dht22_humidity": HUMIDITY,
    "sensor.a_bme280_temperature": TEMPERATURE,
    "sensor.a_bme280_pressure": ("atmospheric_pressure", "hPa", "measurement"),
    "sensor.a_bme280_humidity": HUMIDITY,
    "sensor.a_ds18b20": TEMPERATURE,
    "sensor.a_scd4x_carbon_dioxide": ("carbon_dioxide", "ppm", "measurement"),
    "sensor.a_scd4x_temperature": TEMPERATURE,
    "sensor.a_scd4x_humidity": HUMIDITY,
    "sensor.a_bh1750": ("illuminance", "lx", "measurement"),
    "sensor.a_ads1115": ("voltage", "V", "measurement"),
    "sensor.a_ina219_voltage": ("voltage", "V", "measurement"),
    "sensor.a_ina219_current": ("current", "A", "measurement"),
    "sensor.a_ina219_power": ("power", "W", "measurement"),
    "sensor.a_distance": ("distance", "m", "measurement"),
    "sensor.a_pulse_rate": ("volume_flow_rate", "L/min", "measurement"),
    "sensor.a_pulse_total": ("water", "L", "total_increasing"),
    "sensor.a_rotary": (None, None, "measurement"),
    "binary_sensor.a_digital": (None,),
    "event.a_button": ("button",),
    "sensor.b_analog": TEMPERATURE,
    "sensor.b_battery_voltage": ("voltage", "V", "measurement"),
    "sensor.b_battery_left": ("battery", "%", "measurement"),
    "sensor.b_ldr": ("illuminance", "lx", "measurement"),
    "sensor.b_loop": ("pressure", "bar", "measurement"),
    "sensor.b_moisture": ("moisture", "%", "measurement"),
    "sensor.b_ntc": TEMPERATURE,
    "sensor.b_potentiometer": (None, "%", "measurement"),
    "sensor.b_table": ("ph", None, "measurement"),
    "sensor.c_voltage": ("voltage", "V", "measurement"),
    "switch.c_relay": (None,),
    "light.c_dimmer": (None,),
    "number.c_servo": (None, "\u00b0"),
    "light.c_pixels": (None,),
    "siren.c_buzzer": (None,),
}
HEALTH: dict[str, tuple[str | None, ...]] = {
    "sensor.%s_signal": ("signal_strength", "dBm", "measurement"),
    "sensor.%s_uptime": ("duration", "s", None),
    "sensor.%s_free_memory": ("data_size", "B", "measurement"),
    "sensor.%s_waiting_readings": (None, None, "measurement"),
    "binary_sensor.%s_problem": ("problem",),
    "button.%s_restart": ("restart",),
    "button.%s_identify": ("identify",),
}
ATTRIBUTES = ("device_class", "unit_of_measurement", "state_class")


@pytest.fixture
def hass(tmp_path: Path, broker: Broker) -> Iterator[HomeAssistant]:
    """Home Assistant, running. What it warned of is shown, and must be nothing."""
    with HomeAssistant(tmp_path / "hass", broker) as hass:
        yield hass
        said = hass.ask("warnings")
    assert said == []


@pytest.fixture
def node(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Node]:
    """A node, switched off and without a config."""
    flash = tmp_path / "flash"
    node = make_node(flash, WIDTHS[-1], broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


def config(node: Node, *sensors: dict[str, Any], **more: Any) -> None:
    """Give the node a config that tells Home Assistant of it."""
    more = {"homeassistant": {}, "ntp": "", "diagnostics": 10, **more}
    node.write_config(node.config(sensors=list(sensors), **more))


def on(hass: HomeAssistant, node: Node, *entities: str) -> None:
    """Switch the node on, and wait until its entities have their states."""
    node.bench.power_on()
    hass.wait(lambda found: all(found.get(e, {"state": "unknown"})["state"] not in NOTHING
                                for e in entities), 30)  # fmt: skip


def test_every_driver_is_in_a_group() -> None:
    assert sorted(sum(GROUPS, ())) == drivers()


@pytest.mark.timeout(300)
def test_every_field_of_every_driver_is_shown_with_class_unit_and_value(
    tmp_path: Path, broker: Broker, seen: Subscriber, hass: HomeAssistant
) -> None:
    with ExitStack() as stack:
        nodes = switch_on(stack, tmp_path, broker, seen, homeassistant={})
        wanted = {**SHOWN}
        for name in "abc":
            wanted |= {key % name: about for key, about in HEALTH.items()}
        buttons = ("restart", "identify")
        silent = {f"button.{name}_{button}" for name in NAMES for button in buttons}
        silent.add("event.a_button")

        def all_there(states: dict[str, Any]) -> bool:
            there = {key for key, each in states.items() if each["state"] not in NOTHING}
            return wanted.keys() <= there | (silent & states.keys())

        states = hass.wait(all_there, 40)
        assert {key for key in states if key[0] != "."} >= wanted.keys()
        for entity, about in wanted.items():
            found = states[entity]["attributes"]
            assert tuple(found.get(key) for key in ATTRIBUTES[: len(about)]) == about, entity
        assert states.keys() == wanted.keys()
        button = nodes[0][1]["button"].pins["pin"]
        send(nodes[0][0].bench.control_address, {"do": "press", "pin": button, "ms": 300})
        nodes[0][0].wait("button", value="click")
        hass.wait(lambda found: found["event.a_button"]["state"] not in NOTHING)
        assert hass.states()["event.a_button"]["attributes"]["event_type"] == "click"
        registry = hass.ask("entities")
        for entity in HEALTH:
            category = "config" if entity[:6] == "button" else "diagnostic"
            assert registry[entity % "a"]["category"] == category
        assert {each["name"] for each in hass.ask("devices")} == {"a", "b", "c"}


def test_a_switch_answers_within_a_second_and_the_will_shows_within_two(
    node: Node, hass: HomeAssistant
) -> None:
    config(node, PUMP, {**LIGHT, "interval": 60})
    on(hass, node, "switch.n1_pump", "sensor.n1_light")
    node.obeys()
    for service, state in (("turn_on", "on"), ("turn_off", "off")):
        began = time.monotonic()
        hass.ask("call", domain="switch", service=service, entity_id="switch.n1_pump")
        hass.wait_for("switch.n1_pump", state)
        assert time.monotonic() - began < 1
    node.bench.power_off()
    began = time.monotonic()
    hass.wait(lambda found: all(each["state"] == "unavailable" for each in found.values()))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("shown", ["light", "fan", "valve"])
def test_a_relay_is_what_the_config_says(node: Node, hass: HomeAssistant, shown: str) -> None:
    config(node, {**PUMP, "homeassistant": {"as": shown, "name": "Well", "icon": "mdi:water"}})
    entity = f"{shown}.n1_well"
    on(hass, node, entity)
    node.obeys()
    valve = shown == "valve"
    steps = (("open_valve", "open"), ("close_valve", "closed")) if valve else (
        ("turn_on", "on"), ("turn_off", "off")
    )  # fmt: skip
    for service, state in steps:
        hass.ask("call", domain=shown, service=service, entity_id=entity)
        about = hass.wait_for(entity, state)
    assert about["attributes"]["icon"] == "mdi:water"
    assert about["attributes"]["friendly_name"] == "n1 Well"


DIMMER = {"name": "lamp", "driver": "dimmer", "pin": 18}
SERVO = {"name": "flap", "driver": "servo", "pin": 19, "range": 180}


def test_outputs_that_have_more_than_two_states(node: Node, hass: HomeAssistant) -> None:
    config(
        node, DIMMER, SERVO,
        {"name": "strip", "driver": "pixels", "pin": 21, "count": 3},
        {"name": "bell", "driver": "buzzer", "pin": 22, "most_s": 5},
        {**DIMMER, "name": "vent", "pin": 23, "homeassistant": {"as": "fan"}},
        {**DIMMER, "name": "heat", "pin": 25, "homeassistant": {"as": "number"}},
        {**SERVO, "name": "mixer", "pin": 26, "homeassistant": {"as": "valve"}},
    )  # fmt: skip
    on(hass, node, "light.n1_lamp", "number.n1_flap", "light.n1_strip", "siren.n1_bell",
       "fan.n1_vent", "number.n1_heat", "valve.n1_mixer")  # fmt: skip
    node.obeys()
    for entity, service, data, sensor, value in (
        ("light.n1_lamp", "turn_on", {"brightness": 128}, "lamp", 50.2),
        ("light.n1_lamp", "turn_off", {}, "lamp", 0),
        ("light.n1_lamp", "turn_on", {}, "lamp", 100),
        ("number.n1_flap", "set_value", {"value": 135}, "flap", 135),
        ("light.n1_strip", "turn_on", {"rgb_color": [255, 0, 128]}, "strip", [255, 0, 128]),
        ("light.n1_strip", "turn_on", {"brightness": 51}, "strip", [51, 0, 26]),
        ("light.n1_strip", "turn_off", {}, "strip", [0, 0, 0]),
        ("siren.n1_bell", "turn_on", {"duration": 2}, "bell", 1),
        ("siren.n1_bell", "turn_off", {}, "bell", 0),
        ("siren.n1_bell", "turn_on", {}, "bell", 1),
        ("fan.n1_vent", "turn_on", {"percentage": 30}, "vent", 30),
        ("fan.n1_vent", "turn_off", {}, "vent", 0),
        ("number.n1_heat", "set_value", {"value": 12}, "heat", 12),
        ("valve.n1_mixer", "set_valve_position", {"position": 25}, "mixer", 45),
        ("valve.n1_mixer", "close_valve", {}, "mixer", 0),
    ):
        at = len(node.seen.messages)
        hass.ask(
            "call", domain=entity.partition(".")[0], service=service, entity_id=entity, **data
        )
        assert node.wait(sensor, start=at)["value"] == value, (entity, service)
    states = hass.states()
    assert states["light.n1_lamp"]["attributes"]["brightness"] == 255
    assert float(states["number.n1_flap"]["state"]) == 135
    assert states["number.n1_flap"]["attributes"]["max"] == 180
    assert states["valve.n1_mixer"]["state"] == "closed"


def test_what_leaves_the_config_leaves_home_assistant(node: Node, hass: HomeAssistant) -> None:
    config(node, DOOR, PUMP, {**LIGHT, "interval": 60})
    on(hass, node, "binary_sensor.n1_door", "sensor.n1_light", "switch.n1_pump")
    door = {**DOOR, "homeassistant": False}
    config(node, door, {**PUMP, "homeassistant": {"as": "valve"}})
    on(hass, node, "valve.n1_pump")
    states = hass.wait(lambda found: "sensor.n1_light" not in found)
    assert not {"binary_sensor.n1_door", "sensor.n1_light", "switch.n1_pump"} & states.keys()
    assert not {"sensor.n1_light", "switch.n1_pump"} & hass.ask("entities").keys()
    config(node, DOOR, homeassistant=False)
    node.bench.power_on()
    hass.wait(lambda found: not found)
    assert hass.ask("devices") == []
    assert not (node.flash / "homeassistant.txt").exists()


def _told(entities: tuple[str, ...], found: dict[str, Any]) -> bool:
    states = [found.get(each, {}).get("state", "unknown") for each in entities]
    return not {*NOTHING} & {*states}


@pytest.mark.timeout(300)
def test_all_values_are_back_after_a_restart_of_home_assistant(
    node: Node, broker: Broker, tmp_path: Path
) -> None:
    """The config doesn't name it: the node has seen its birth message."""
    config(node, DOOR, PUMP, {**LIGHT, "interval": 3600}, homeassistant=None)
    entities = ("binary_sensor.n1_door", "sensor.n1_light", "switch.n1_pump", "sensor.n1_uptime")
    node.bench.power_on()
    node.wait("diagnostics")
    for _ in range(2):
        with Subscriber(broker, BIRTH) as births, HomeAssistant(tmp_path / "hass", broker) as hass:
            births.wait(BIRTH, 60)
            began = time.monotonic()
            hass.wait(partial(_told, entities), 30)
            assert time.monotonic() - began < 15
            assert hass.ask("warnings") == []
    assert node.bench.resets == ["power on", "soft"]


def test_another_interval_is_another_time_to_expire(node: Node, hass: HomeAssistant) -> None:
    config(node, {**LIGHT, "interval": 60})
    on(hass, node, "sensor.n1_light")
    node.obeys()
    assert node.command("interval", '{"sensor": "light", "seconds": 7200}')["ok"]
    topic = "homeassistant/device/n1/config"
    with Subscriber(node.broker, topic) as found:
        assert found.seen(lambda _, said: '"exp_aft":21600 ' in said, 15)
    hass.wait_for("binary_sensor.n1_problem", "off")


def test_the_node_restarts_at_the_press_of_a_button(node: Node, hass: HomeAssistant) -> None:
    config(node, PUMP)
    on(hass, node, "switch.n1_pump")
    node.obeys()
    hass.ask("call", domain="button", service="press", entity_id="button.n1_restart")
    node.bench.wait_for_line("Petrel: reboot")
    hass.wait_for("switch.n1_pump", "unavailable")
    hass.wait_for("switch.n1_pump", "off")


def test_the_node_says_who_it_is_at_the_press_of_a_button(node: Node, hass: HomeAssistant) -> None:
    config(node, PUMP)
    on(hass, node, "switch.n1_pump")
    node.obeys()
    hass.ask("call", domain="button", service="press", entity_id="button.n1_identify")
    node.bench.wait_for_line("^Petrel: petrel/n1/$", 60)


def test_an_update_is_shown_and_starts_at_the_press_of_a_button(
    node: Node, hass: HomeAssistant
) -> None:
    """The version of what is offered differs in its serial alone, as one is made by default."""
    equip(node.flash)
    config(node, {**LIGHT, "interval": 60}, update="ask")
    on(hass, node, "update.n1_update")
    about = hass.wait_for("update.n1_update", "off")["attributes"]
    assert about["installed_version"][-4:] == " (0)"
    runs = node.wait("update/state", state="idle")["version"]
    more = {"lib/extra.py": b"# new" * 9000}
    release = Release({**contents_of(), **more}, serial=12, version=f"{runs}+12")
    with Server(node.broker) as server:
        server.answer = lambda release, number, *part: None if number > 1 else honest(
            release, number, *part
        )  # fmt: skip
        server.offer(release)
        about = hass.wait_for("update.n1_update", "on", 60)["attributes"]
        assert about["latest_version"] == f"{runs} (12)" and not about["in_progress"]
        assert not server.requests
        node.obeys()
        hass.ask("call", domain="update", service="install", entity_id="update.n1_update")
        hass.wait(lambda found: found["update.n1_update"]["attributes"]["in_progress"])
        assert hass.states()["update.n1_update"]["attributes"]["update_percentage"] is not None
        server.answer = honest
        about = hass.wait_for("update.n1_update", "off", 90)["attributes"]
    assert about["installed_version"] == f"{runs} (12)"


def test_a_node_that_takes_signed_commands_is_only_shown(node: Node, hass: HomeAssistant) -> None:
    config(node, PUMP, {**DIMMER, "pin": 19}, commands={"secret": "sixteen letters!"})
    on(hass, node, "binary_sensor.n1_pump", "sensor.n1_lamp")
    assert not [name for name in hass.states() if name[:6] in ("button", "switch")]
