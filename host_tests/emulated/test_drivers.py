"""Every driver on the emulated chip, bit by bit, and on the simulated board: the same results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from host_tests.emulated.rig import PicoRig
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.rig import Rig
from tools.play.sim import i2c_parts

BUS = "i2c:4,5"
AT = "sda=4, scl=5"
Board = Callable[..., PicoRig]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SCD4x measures four times a second."""
    monkeypatch.setattr(i2c_parts.Scd4x, "PERIOD_S", 0.25)


def both(
    board: Board, parts: dict[str, Any], code: str, **more: Any
) -> tuple[list[Any], list[Any]]:
    """What the code tells on the emulated board and on the simulated one."""
    emulated = board(parts, **more).run(code)
    with Rig(WIDTHS[-1], parts) as rig:
        return emulated, rig.run(code)


def same(emulated: list[Any], simulated: list[Any], steps: list[float]) -> None:
    """The same readings, to the resolution of the part."""
    for one, other in zip(emulated, simulated, strict=True):
        assert len(one) == len(other) == len(steps)
        for value, expected, step in zip(one, other, steps, strict=True):
            assert abs(value - expected) <= step + 1e-6 * abs(expected), (emulated, simulated)


I2C: list[tuple[str, dict[str, float], list[float]]] = [
    ("bme280", {"temperature": -7.25, "pressure": 987.6, "humidity": 71.3}, [0.01, 0.01, 0.01]),
    ("bmp280", {"temperature": 31.25, "pressure": 1030.1}, [0.01, 0.01]),
    ("sht3x", {"temperature": -12.3, "humidity": 88.8}, [0.01, 0.01]),
    ("aht20", {"temperature": -0.5, "humidity": 33.3}, [0.01, 0.01]),
    ("bh1750", {"illuminance": 1234.0}, [0.1]),
    ("ads1115", {"a0": -0.1234}, [0.0001]),
    ("ina219", {"voltage": 13.7, "current": -0.42}, [0.001, 0.0001, 0.01]),
    ("scd4x", {"carbon_dioxide": 1234, "temperature": 5.5, "humidity": 61.0}, [0, 0.01, 0.01]),
]
# Two in a row: what a part remembers of the first must not disturb the second.
TWICE = f"s = make('{{}}', {AT})\ntell(value(s))\ntell(value(s))"
TOLD = f"tell(told(lambda: len(value(make('{{}}', {AT})))))"


@pytest.mark.parametrize(("model", "values", "steps"), I2C)
def test_i2c(board: Board, model: str, values: dict[str, float], steps: list[float]) -> None:
    """Values, and the same words for whatever is wrong; without a checksum none is found bad."""
    driver = "bme280" if model == "bmp280" else model
    parts = {BUS: {"model": model, **values}}
    emulated = board(parts)
    with Rig(WIDTHS[-1], parts) as rig:
        same(emulated.run(TWICE.format(driver)), rig.run(TWICE.format(driver)), steps)
        for fault, pin in (
            ("absent", 0),
            ("bad crc", 0),
            ("slow", 0),
            ("sda low", 4),
            ("stuck", 5),
        ):
            emulated.part(BUS).fault = rig.part(BUS).fault = fault
            if pin:
                emulated.pico.pin(pin, 0)
            found = emulated.run(TOLD.format(driver))
            assert found == rig.run(TOLD.format(driver)), fault
            if fault != "bad crc" and fault != "slow":
                assert "Error: " in found[0]


def test_i2c_by_the_chips_own_peripheral(board: Board) -> None:
    """machine.I2C in place of SoftI2C: a user may hand a driver either."""
    several = [each for each in I2C if each[0] != "bmp280"]
    rig = board({BUS: [{"model": model, **values} for model, values, _ in several]})
    for model, _, _ in several:
        soft, hard = rig.run(f"""
from machine import I2C, Pin, SoftI2C
from sensors import {model}
tell(value({model}.DRIVER(SoftI2C(sda=Pin(4), scl=Pin(5)))))
tell(value({model}.DRIVER(I2C(0, sda=Pin(4), scl=Pin(5)))))
""")
        assert soft == hard, model


def test_a_bus_that_a_reset_has_cut_off_is_clocked_free(board: Board) -> None:
    """A part is in the middle of an answer, and holds SDA until it has had five clocks more."""
    part = {"model": "sht3x", "fault": "sda low", "clocks": 5}
    rig = board({BUS: part})
    (found,) = rig.run(f"tell(value(make('sht3x', {AT})))")
    assert found == pytest.approx([21.5, 45.0], abs=0.02)


def test_several_parts_on_one_bus(board: Board) -> None:
    parts = {BUS: [{"model": model} for model, _, _ in I2C if model != "bmp280"]}
    code = "from machine import Pin, SoftI2C\ntell(SoftI2C(sda=Pin(4), scl=Pin(5)).scan())\n"
    code += f"tell(make('sht3x', {AT}) and make('bh1750', {AT}).read())"
    emulated, simulated = both(board, parts, code)
    assert emulated[0] == sorted(simulated[0]) == [0x23, 0x38, 0x40, 0x44, 0x48, 0x62, 0x76]
    assert emulated[1] == simulated[1]


WIRES = [
    ("ds18b20", {"temperature": -10.125}, [0.0]),
    ("ds18b20", {"temperature": 125.0}, [0.0]),
    ("dht22", {"temperature": -12.3, "humidity": 45.6}, [0.001, 0.001]),
    ("dht11", {"temperature": 23, "humidity": 45}, [0.0, 0.0]),
]


@pytest.mark.parametrize(("model", "values", "steps"), WIRES)
def test_wires(board: Board, model: str, values: dict[str, float], steps: list[float]) -> None:
    code = f"tell(value(make('{model}', pin=6)))"
    same(*both(board, {"wire:6": {"model": model, **values}}, code), steps)


def test_several_on_a_1_wire_bus(board: Board) -> None:
    """The search of the ROMs, and each of them addressed."""
    parts = {
        "wire:6": [{"model": "ds18b20", "serial": 7 * i, "temperature": i} for i in (1, 2, 3)]
    }
    code = """
from ds18x20 import DS18X20
from machine import Pin
from onewire import OneWire
roms = sorted([bytes(rom).hex() for rom in DS18X20(OneWire(Pin(6))).scan()])
tell(roms)
for rom in roms:
    tell(value(make('ds18b20', pin=6, rom=rom)))
"""
    emulated, simulated = both(board, parts, code)
    assert emulated == simulated
    assert sorted(emulated[1:]) == [[1.0], [2.0], [3.0]]


FAULTS = [("ds18b20", {"fault": "absent"}), ("ds18b20", {"fault": "bad crc"}),
          ("dht22", {"fault": "absent"}), ("dht22", {"bad": -1}),
          ("dht11", {"bad": -1})]  # fmt: skip


@pytest.mark.parametrize(("model", "fault"), FAULTS)
def test_faults_of_wires(board: Board, model: str, fault: dict[str, Any]) -> None:
    code = f"tell(told(lambda: value(make('{model}', pin=6))))"
    emulated, simulated = both(board, {"wire:6": {"model": model, **fault}}, code)
    assert emulated == simulated
    assert "Error: " in emulated[0]


@pytest.mark.parametrize("metres", [0.05, 1.0, 3.9])
def test_distance(board: Board, metres: float) -> None:
    parts = {"wire:9": {"model": "hc-sr04", "distance": metres}}
    code = "tell(value(make('distance', pin=8, echo=9)))"
    same(*both(board, parts, code, triggers={9: 8}), [0.002])


ANALOG: list[tuple[str, str, float, list[float]]] = [
    ("voltage", "", 1.234, [0.001]), ("voltage", "top=30_000, bottom=10_000", 0.9, [0.004]),
    ("battery", "top=100_000, bottom=100_000", 1.9, [0.002, 0.5]), ("ntc", "", 1.65, [0.05]),
    ("ldr", "", 1.2, [2.0]), ("moisture", "", 1.9, [0.2]), ("loop", "", 1.2, [0.2]),
    ("potentiometer", "", 2.0, [0.1]), ("analog", "", 2.5, [0.002]),
    ("table", "points=[0, 0, 1, 10, 3, 14]", 1.5, [0.02]),
]  # fmt: skip


def test_analog(board: Board) -> None:
    """Twelve bits of 3.3 V on the chip, microvolts on the simulated board."""
    parts = {"adc:26": {"model": "constant", "volts": 0}}
    emulated = board(parts)
    with Rig(WIDTHS[-1], parts) as rig:
        for driver, options, volts, steps in ANALOG:
            for world in (emulated.pico.world, rig.world):
                world.wire("adc:26", {"model": "constant", "volts": volts})
            code = f"tell(value(make('{driver}', pin=26, {options})))"
            same(emulated.run(code), rig.run(code), steps)
