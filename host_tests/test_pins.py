"""What a board cannot do is refused, and what is proposed instead works."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.config.check import findings
from tools.shared import boards
from tools.shared.imports import drivers
from tools.wiring.drivers import config_for

Sensor = dict[str, Any]
ROM = "28ff64021703f1"

BUTTON: Sensor = {"driver": "button", "pin": 4}
AIR: Sensor = {"driver": "bme280", "sda": 4, "scl": 5}
PROBE: Sensor = {"driver": "ds18b20", "pin": 4}


def of(board: str, *wired: Sensor) -> dict[str, Any]:
    """A config with these sensors."""
    config: dict[str, Any] = {
        "mqtt": {"host": "broker"},
        "sensors": [{"name": f"s{i}", **sensor} for i, sensor in enumerate(wired)],
    }
    if boards.load(board).petrel["network"] == "wifi":
        config["wifi"] = {"ssid": "net"}
    return config


def proposed(line: str) -> list[tuple[int, str, Any]]:
    """What a line proposes: the sensor's number, a key, and a value for it."""
    found = re.match(r"sensors\[(\d+)\]\.(\w+): ", line)
    assert found, line
    number, key = int(found[1]), found[2]
    options = re.findall(r'"(supply|reference)": (\d+(?:\.\d+)?)', line)
    if options:
        return [(number, option, float(value)) for option, value in options]
    if part := re.search(r"Use a (shunt|top) of (\d+) ohms", line):
        return [(number, part[1], int(part[2]))]
    pins = re.search(r"\. (?:Use|Better:) (\w+(?:, \w+)*(?: or \w+)?)\.$", line)
    assert pins, f"no better pin: {line}"
    names = re.split(", | or ", pins[1])
    return [(number, key, int(name) if name.isdigit() else name) for name in names]


def assert_mended(board: str, config: dict[str, Any], line: str) -> None:
    """Each proposal of a line, taken alone, ends what the line says, and breaks nothing."""
    proposals = proposed(line)
    assert proposals
    for number, key, value in proposals:
        wired = [dict(sensor) for sensor in config["sensors"]]
        wired[number][key] = value
        faults, warnings = findings({**config, "sensors": wired}, board)
        assert faults == [], (line, key, value)
        assert not [
            each for each in warnings if f"[{number}].{key}: " in each and "Better:" in each
        ]


@pytest.mark.parametrize("board", boards.names())
def test_every_driver_with_its_example_is_good_on_every_board(board: str) -> None:
    facts = boards.load(board)
    for driver in drivers():
        config = of(board, config_for(driver, facts))
        faults, warnings = findings(config, board)
        assert faults == [], driver
        assert [line for line in warnings if "a module with a divider" not in line] == [], driver


SERVO: Sensor = {"driver": "servo", "pin": 4}
E8, E32, S3, C3 = "ESP8266_GENERIC", "ESP32_GENERIC", "ESP32_GENERIC_S3", "ESP32_GENERIC_C3"
PICO, V11, SF2 = "RPI_PICO_W", "PYBV11", "PYBD_SF2"

# Board, sensors, what is said of the last one. One for each rule, on a board that it is about.
REFUSED: dict[str, tuple[str, list[Sensor], str]] = {
    "no such pin": (PICO, [{"driver": "relay", "pin": 99}], "99 is not a pin"),
    "flash": (E32, [{"driver": "relay", "pin": 6}], "6 is used for the flash memory"),
    "REPL of an S3": (S3, [{"driver": "relay", "pin": 43}], "43 is used for the REPL"),
    "REPL of a C3": (C3, [{"driver": "relay", "pin": 21}], "21 is used for the REPL"),
    "input only": (E32, [{"driver": "relay", "pin": 34}], "34 can only be an input"),
    "no pull": (E32, [{**BUTTON, "pin": 34, "pull": "up"}], "34 has no pull-up"),
    "no ADC": (PICO, [{"driver": "voltage", "pin": 4}], "4 is not an analog input"),
    "ADC and Wi-Fi": (E32, [{"driver": "voltage", "pin": 25}], "can't measure while Wi-Fi is on"),
    "two on a pin": (E32, [BUTTON, {"driver": "relay", "pin": 4}], "4 is already used by sens"),
    "no interrupt": (E8, [{**BUTTON, "pin": 16}], "16 has no interrupts"),
    "no interrupt to count": (E8, [{"driver": "pulse", "pin": 16}], "16 has no interrupts"),
    "no PWM": (E8, [{**SERVO, "pin": 16}], "16 has no PWM"),
    "no open drain": (E8, [{**PROBE, "pin": 16}], "16 has no open drain"),
    "no open drain for SDA": (E8, [{**AIR, "sda": 16}], "16 has no open drain"),
    "no timer": (V11, [{**SERVO, "pin": "X5"}], "X5 has no PWM"),
    "one slice": (
        PICO, [{**SERVO, "pin": 0}, {"driver": "dimmer", "pin": 1}],
        "1 shares a timer with sensors[0]'s pin, which has 50 Hz, not 1000",
    ),
    "one output": (
        PICO, [{**SERVO, "pin": 0}, {**SERVO, "pin": 16}],
        "16 shares the PWM output of sensors[0]'s pin",
    ),
    "one timer": (
        V11, [{**SERVO, "pin": "X9"}, {"driver": "dimmer", "pin": "X10"}], "shares a timer with",
    ),
    "another name": (
        SF2, [{**BUTTON, "pin": "X1"}, {"driver": "relay", "pin": "W19"}],
        "W19 is already used by sensors[0]",
    ),
    "one interrupt": (
        V11, [{**BUTTON, "pin": "X9"}, {**BUTTON, "pin": "Y1"}],
        "Y1 shares the interrupt of sensors[0]'s pin",
    ),
    "one interrupt of an encoder": (
        V11, [{"driver": "rotary", "pin": "X9", "pin_b": "Y1"}],
        "Y1 shares the interrupt of sensors[0]'s pin",
    ),
    "probes without rom": (E32, [PROBE, PROBE], "on one wire each needs its rom"),
    "high supply": (E8, [{"driver": "ntc", "pin": 0}], "supply: the pin may see 3.3 V"),
    "large shunt": (E32, [{"driver": "loop", "pin": 32, "shunt": 250}], "the pin may see 5.25 V"),
    "large shunt for 1 V": (E8, [{"driver": "loop", "pin": 0}], "the pin may see 2.52 V"),
    "no divider": (E32, [{"driver": "battery", "pin": 32}], "the pin may see 4.2 V"),
    "no divider for 1 V": (E8, [{"driver": "battery", "pin": 0}], "the pin may see 4.2 V"),
    "car battery": (
        E32, [{"driver": "battery", "pin": 32, "kind": "lead", "cells": 6, "top": 30_000}],
        "the pin may see 3.67 V",
    ),
    "what is no divider": (
        E8, [{"driver": "voltage", "pin": 0, "reference": 5}], "reference: 5 V; the analog input",
    ),
    "what the module takes": (
        E8, [{"driver": "ldr", "pin": 0, "reference": 3.2, "supply": 5}],
        "the pin may see 5 V; the module takes 0 to 3.2 V",
    ),
    "fast PWM": (E8, [{"driver": "buzzer", "pin": 4}], "frequency: 2000 Hz is too much"),
    "slow PWM": (PICO, [{"driver": "dimmer", "pin": 4, "frequency": 5}], "8 to 62500000 Hz"),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED)
def test_what_cannot_work_is_refused_and_the_proposal_works(rule: str) -> None:
    board, wired, said = REFUSED[rule]
    config = of(board, *wired)
    (line,) = findings(config, board)[0]
    assert line.startswith(f"sensors[{len(wired) - 1}].") and said in line
    assert_mended(board, config, line)


# What no other pin cures: the message says what does.
REFUSED_WITHOUT_A_PIN: dict[str, tuple[str, list[Sensor], str, Sensor]] = {
    "no pull-down": (
        E8, [{**BUTTON, "pull": "down"}],
        'pull: ESP8266_GENERIC has no pull-down. Use "up"', {"pull": "up"},
    ),
    "one frequency": (
        E8, [SERVO, {"driver": "dimmer", "pin": 5}],
        "which has 50 Hz, not 1000 (ESP8266_GENERIC). Use the same frequency", {"frequency": 50},
    ),
    "one ADC": (
        E8, [{"driver": "voltage", "pin": 0}, {"driver": "analog", "pin": 0}],
        "ADC0 is already used by sensors[0] (ESP8266_GENERIC). Use another board",
        {"driver": "relay", "pin": 4},
    ),
    "a rom twice": (
        E32, [{**PROBE, "rom": ROM + "aa"}, {**PROBE, "rom": ROM.upper() + "AA"}],
        "rom: 28FF64021703F1AA is already used by sensors[0]", {"rom": ROM + "ab"},
    ),
    "no rom": (
        E32, [{**PROBE, "rom": "xyz"}], 'rom: "xyz" is wrong; 16 digits', {"rom": ROM + "aa"},
    ),
    "dry is wet": (
        E32, [{"driver": "moisture", "pin": 32, "dry": 1.1}],
        "wet: 1.1 V, as dry; measure both again", {"dry": 2.6},
    ),
    "a point too high": (
        E32, [{"driver": "table", "pin": 32, "points": [0.5, 1, 5, 10]}],
        "points: the pin may see 5 V; the analog input of ESP32_GENERIC takes 0 to 3.3 V. "
        "Put a divider before it", {"points": [0.25, 1, 2.5, 10]},
    ),
    "a probe too high": (
        E8, [{"driver": "moisture", "pin": 0}], "dry: the pin may see 2.6 V", {"reference": 3.2},
    ),
    "an address twice": (
        E32, [AIR, AIR], "0x76 is already used by sensors[0] on the same bus", {"address": 0x77},
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED_WITHOUT_A_PIN)
def test_what_no_other_pin_cures_is_refused_with_what_does(rule: str) -> None:
    board, wired, said, cure = REFUSED_WITHOUT_A_PIN[rule]
    (line,) = findings(of(board, *wired), board)[0]
    assert line.startswith(f"sensors[{len(wired) - 1}].") and said in line
    assert findings(of(board, *wired[:-1], {**wired[-1], **cure}), board)[0] == []


DOUBTFUL: dict[str, tuple[str, Sensor, str]] = {
    "strapping": (E32, {**BUTTON, "pin": 12}, "12 is read at the start (flash voltage)"),
    "strapping, to be measured": (
        C3,
        {"driver": "potentiometer", "pin": 2},
        "2 is read at the start",
    ),
    "some modules": (E32, {**BUTTON, "pin": 16}, "16 is used for PSRAM on some modules"),
    "some modules of an S3": (S3, {**BUTTON, "pin": 35}, "35 is used for octal flash or PSRAM"),
}


@pytest.mark.parametrize("rule", DOUBTFUL)
def test_what_may_not_work_is_a_warning_with_a_better_pin(rule: str) -> None:
    board, sensor, said = DOUBTFUL[rule]
    config = of(board, sensor)
    faults, (line,) = findings(config, board)
    assert faults == [] and said in line
    assert_mended(board, config, line)


def test_a_module_with_a_divider_is_for_who_knows_of_it() -> None:
    faults, warnings = findings(of(E8, {"driver": "ntc", "pin": 0, "reference": 3.2}), E8)
    assert faults == []
    (line,) = warnings
    assert "the chip itself takes 1.0 V, and more may destroy it" in line


def test_probes_with_a_rom_each_share_a_wire() -> None:
    several = [{**PROBE, "rom": f"{ROM}{i:02x}"} for i in range(3)]
    assert findings(of(E32, *several), E32) == ([], [])
    (line,) = findings(of(E32, *several, {"driver": "dht22", "pin": 4}), E32)[0]
    assert "GPIO4 is already used by sensors[0]" in line


def test_pins_of_one_frequency_share_a_timer() -> None:
    for board, wired in (
        (E8, [SERVO, {**SERVO, "pin": 5}, {"driver": "dimmer", "pin": 12, "frequency": 50}]),
        (PICO, [{**SERVO, "pin": 0}, {**SERVO, "pin": 1}, {"driver": "dimmer", "pin": 2}]),
        (E32, [SERVO, {"driver": "dimmer", "pin": 5}]),
    ):
        assert findings(of(board, *wired), board)[0] == []


def test_no_pin_is_proposed_that_a_later_sensor_wants() -> None:
    wired: list[Sensor] = [{"driver": "relay", "pin": 99}, AIR, {"driver": "relay", "pin": 12}]
    config = of(E8, *wired)
    (line,) = findings(config, E8)[0]
    assert line.endswith("Use 13, 14 or 16.")
    assert_mended(E8, config, line)


def test_no_pin_is_proposed_whose_interrupt_a_later_sensor_wants() -> None:
    config = of(V11, {**BUTTON, "pin": "Z1"}, {**BUTTON, "pin": "X22"})  # C3, and X4 is A3
    (line,) = findings(config, V11)[0]
    assert line.endswith("Use X1, X2, X3, X5 or X6.")
    assert_mended(V11, config, line)
