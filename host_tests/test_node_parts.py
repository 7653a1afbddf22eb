"""Sensors and outputs on a whole node: parts that come and go, commands, and what is safe."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import CRASH, LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.talk.readings import parse

AIR = {"name": "air", "driver": "bme280", "sda": 21, "scl": 22, "interval": 0.3}
PUMP = {"name": "pump", "driver": "relay", "pin": 13}


@pytest.fixture(params=WIDTHS)
def node(request: pytest.FixtureRequest, tmp_path: Path, broker: Broker, seen: Subscriber) -> Any:
    node = make_node(tmp_path / "flash", request.param, broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


def state(node: Node, pin: int) -> int:
    return node.bench.world.level(pin)


def order(node: Node, output: str, value: object) -> Any:
    return node.command("set", json.dumps({"output": output, "value": value}))


def values(node: Node, topic: str, start: int = 0) -> list[Any]:
    messages = list(node.seen.messages)[start:]
    return [parse(text)["value"] for name, text in messages if name == f"petrel/n1/{topic}"]


def test_a_part_that_comes_later_is_read_from_then_on(node: Node) -> None:
    node.write_config(node.config(sensors=[AIR, LIGHT], diagnostics=10))
    node.bench.power_on()
    node.wait("light")
    node.bench.wait_for_line("air: bme280 at 0x76: no answer, check SDA, SCL and power")
    assert values(node, "air/temperature") == []
    node.bench.world.wire("i2c:21,22", {"model": "bme280", "temperature": 18.25})
    assert abs(node.wait("air/temperature")["value"] - 18.25) < 0.02
    assert abs(node.wait("air/humidity")["value"] - 45.0) < 0.05
    part = node.bench.world.buses["21,22"].parts[0]
    part.fault = "absent"
    start = len(node.bench.lines)
    node.bench.wait_for_line("air: bme280 at 0x76: no answer", 15, start)
    part.fault = ""
    start = len(node.seen.messages)
    assert node.wait("air/pressure", start=start)["unit"] == "hPa"
    node.wait("light", start=len(node.seen.messages))


def test_parts_that_are_swapped_or_reset_while_the_node_runs_go_on(node: Node) -> None:
    """Every reading is right, from the first to the last."""
    room = {"name": "room", "driver": "sht3x", "sda": 21, "scl": 22, "interval": 0.2}
    models = [{"model": "bme280", "temperature": 18.25}, {"model": "sht3x", "temperature": 20.5}]
    node.bench.world.wire("i2c:21,22", models)
    node.write_config(node.config(sensors=[AIR, room]))
    node.bench.power_on()
    node.wait("air/temperature")
    node.wait("room/temperature")
    parts: list[Any] = list(node.bench.world.buses["21,22"].parts)
    air, sht3x = parts
    for words in ((27000, 26000, -900), (28000, 27000, -1100), (27504, 26435, -1000)):
        air.fault = "absent"
        air.T = words  # another BME280
        air.power_on()
        air.fault = ""
        sht3x.power_on()
        sht3x.fault = "periodic"
        start = len(node.seen.messages)
        for topic in ("air/temperature", "room/temperature"):
            node.wait(topic, start=start)
            node.wait(topic, start=len(node.seen.messages))
    for topic, right in (("air/temperature", 18.25), ("room/temperature", 20.5)):
        assert all(abs(value - right) < 0.02 for value in values(node, topic))


def test_an_output_is_switched_and_told(node: Node) -> None:
    node.write_config(node.config(sensors=[PUMP, LIGHT]))
    node.bench.power_on()
    assert node.wait("pump")["value"] == 0  # its state is told at the start
    start = len(node.seen.messages)
    assert order(node, "pump", True) == {"ok": True, "output": "pump", "value": True}
    assert node.wait("pump", start=start)["value"] == 1
    assert state(node, 13) == 1
    for wrong in ("on", 1, None):
        reply = order(node, "pump", wrong)
        assert not reply["ok"] and "true or false" in reply["error"]
    assert order(node, "light", True)["error"] == "output: there is no 'light'"
    assert state(node, 13) == 1


def test_an_output_goes_back_after_its_longest_time(node: Node) -> None:
    node.write_config(node.config(sensors=[{**PUMP, "most_s": 1.5}, LIGHT]))
    node.bench.power_on()
    node.wait("pump")
    start = len(node.seen.messages)
    order(node, "pump", True)
    began = time.monotonic()
    node.wait("pump", start=start)
    while state(node, 13):
        assert time.monotonic() - began < 5
        time.sleep(0.02)
    assert time.monotonic() - began > 1.2
    assert node.seen.seen(lambda t, p: t == "petrel/n1/pump" and parse(p)["value"] == 0, 5, start)


CRASHING = (
    "import os\nUSES = 'pin'\ndef options(): return {}\nclass Crashing:\n"
    "    FIELDS = (('x', ''),)\n    def __init__(self, pin): pass\n"
    "    def start(self): return 0\n"
    f"    def read(self):\n        if 'crash' in os.listdir(): {CRASH}\n"
    "        return (1,)\nDRIVER = Crashing\n"
)


@pytest.mark.parametrize("end", ["reboot", "crash"])
def test_an_output_is_safe_at_the_end(node: Node, end: str) -> None:
    (node.flash / "lib/sensors/crashing.py").write_text(CRASHING)
    bad = {"name": "bad", "driver": "crashing", "pin": 5, "interval": 0.2}
    node.write_config(node.config(sensors=[PUMP, bad]))
    levels: list[int] = []
    output = node.bench.world.output

    def watched(pin: str, level: int) -> None:
        if pin == "13":
            levels.append(level)
        output(pin, level)

    node.bench.world.output = watched  # type: ignore[method-assign]
    node.bench.power_on()
    node.wait("pump")
    order(node, "pump", True)
    assert levels[-1] == 1
    starts = len(node.bench.resets)
    if end == "reboot":
        node.command("reboot")
    else:
        (node.flash / "crash").touch()
    node.bench.wait_for_resets(starts + 1)
    (node.flash / "crash").unlink(missing_ok=True)
    # Safe before the reset, and safe again at the start.
    after = levels[max(i for i, level in enumerate(levels) if level) + 1 :]
    assert after and not any(after)


def test_lights_pwm_and_a_buzzer(node: Node) -> None:
    sensors = [
        {"name": "strip", "driver": "pixels", "pin": 13, "count": 3},
        {"name": "fan", "driver": "dimmer", "pin": 14, "frequency": 500},
        {"name": "horn", "driver": "buzzer", "pin": 18},
    ]
    node.write_config(node.config(sensors=sensors))
    node.bench.power_on()
    node.wait("horn")
    start = len(node.seen.messages)
    assert order(node, "strip", [255, 80, 0])["ok"]
    assert order(node, "fan", 40)["ok"]
    assert node.wait("strip", start=start)["value"] == [255, 80, 0]
    assert node.wait("fan", start=start)["value"] == 40
    assert node.bench.world.pixels["13"] == "ff5000" * 3
    assert node.bench.world.pwm["14"] == (500, round(0.4 * 65535))
    start = len(node.seen.messages)
    assert order(node, "horn", 0.5)["ok"]
    assert node.wait("horn", start=start)["value"] == 1
    assert node.seen.seen(lambda t, p: t == "petrel/n1/horn" and parse(p)["value"] == 0, 5, start)
    assert node.bench.world.pwm["18"] == (2000, 0)
    assert "[red, green, blue]" in order(node, "strip", "red")["error"]


def test_the_total_of_a_counter_goes_on_over_a_restart(node: Node) -> None:
    rain = {"name": "rain", "driver": "pulse", "pin": 4, "pull": "up", "interval": 0.3}
    rain.update(keep="rain", unit="mm", per_unit=2)
    node.write_config(node.config(sensors=[rain]))
    node.bench.power_on()
    node.wait("rain/total")
    for _ in range(6):
        node.bench.press(4, 20)
        time.sleep(0.05)
    assert node.wait("rain/total", value=3)["unit"] == "mm"
    node.command("reboot")
    node.wait("status")
    start = len(node.seen.messages)
    assert node.wait("rain/total", start=start)["value"] == 3


SLOW = (
    "import time\nUSES = 'pin'\ndef options(): return {}\nclass Slow:\n"
    "    FIELDS = (('x', ''),)\n    def __init__(self, pin): pass\n"
    "    def start(self): return 0\n    def read(self):\n        time.sleep_ms(60)\n"
    "        return (1,)\nDRIVER = Slow\n"
)


def test_two_probes_on_one_wire_are_two_sensors(node: Node) -> None:
    models = [{"model": "ds18b20", "serial": i, "temperature": 20.5 + i} for i in (1, 2)]
    node.bench.world.wire("wire:18", models)
    roms = [part.rom.hex() for part in node.bench.world.wires["18"].parts]
    sensors = [
        {"name": f"probe{i}", "driver": "ds18b20", "pin": 18, "rom": rom, "interval": 0.2}
        for i, rom in enumerate(roms)
    ]
    node.write_config(node.config(sensors=sensors))
    node.bench.power_on()
    for start in (0, len(node.seen.messages)):
        assert node.wait("probe0", start=start)["value"] == 21.5
        assert node.wait("probe1", start=start)["value"] == 22.5
    assert not [line for line in node.bench.lines if "probe" in line]


def test_a_measurement_has_its_time_whatever_others_take(node: Node) -> None:
    (node.flash / "lib/sensors/slow.py").write_text(SLOW)
    node.bench.world.wire("wire:18", {"model": "ds18b20", "temperature": 21.5})
    slow = {"name": "slow", "driver": "slow", "pin": 5, "interval": 0.1}
    boiler = {"name": "boiler", "driver": "ds18b20", "pin": 18, "interval": 0.2}
    node.write_config(node.config(sensors=[slow, boiler]))
    node.bench.power_on()
    for _ in range(3):
        start = len(node.seen.messages)
        assert node.wait("boiler", start=start)["value"] == 21.5
    assert not [line for line in node.bench.lines if "boiler:" in line]
