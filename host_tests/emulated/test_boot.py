"""The stages of the start, on the chip: config, safe mode, watchdog, and a node at work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tests.emulated.console import RESET, Console, write_config
from tools.emulator import Pico

CONFIG: dict[str, Any] = {
    "node": "n1",
    "mqtt": {"host": "broker"},
    "sensors": [
        {"name": "air", "driver": "bme280", "sda": 4, "scl": 5, "interval": 0.5},
        {"name": "door", "driver": "digital", "pin": 15, "pull": "up"},
    ],
}
PARTS = {"i2c:4,5": {"model": "bme280", "temperature": 12.5}}


@pytest.fixture
def pico(tmp_path: Path, frozen: Path) -> Iterator[Pico]:
    """A board with a sensor, switched on, and no config yet."""
    with Pico(frozen, tmp_path / "flash.bin", PARTS) as board:
        board.power_on()
        yield board


def reset(pico: Pico, console: Console) -> None:
    console.type(RESET)
    pico.wait("reset")
    pico.wait("usb")


def test_a_new_config_is_checked_and_the_node_reads_its_sensors(pico: Pico) -> None:
    write_config(pico, CONFIG)
    with Console(pico) as console:
        reset(pico, console)
        console.wait("soft reboot")  # what is said before is said before USB is up
        reading = json.loads(console.wait("n1/air/temperature").split(" ", 1)[1])
        assert abs(reading["value"] - 12.5) < 0.02
        pico.pin(15, 0)
        console.wait('n1/door {"value": 0')


def test_a_wrong_config_is_refused_with_a_better_pin_and_the_last_good_one_serves(
    pico: Pico,
) -> None:
    write_config(pico, CONFIG)
    with Console(pico) as console:
        reset(pico, console)
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
    sensors = [{"name": "sun", "driver": "ldr", "pin": 3}]
    write_config(pico, {**CONFIG, "sensors": sensors})
    with Console(pico) as console:
        reset(pico, console)
        told = console.wait('"faults"')  # what was said before is said before USB is up
        assert "sensors[0]" in told and "26" in told
        assert "config.json.old, the last good one, is used instead" in told
        console.wait("n1/air/temperature")


def test_a_session_at_the_repl_is_no_crash(pico: Pico) -> None:
    """mpremote resets a board for each command, and runs boot.py alone."""
    write_config(pico, CONFIG)
    for _ in range(4):
        write_config(pico, {}, "other.json")
    with Console(pico) as console:
        reset(pico, console)
        assert "crashes" not in console.wait("n1/diagnostics")


def test_three_starts_that_do_not_last_end_in_safe_mode(pico: Pico) -> None:
    """The power goes as soon as the first reading is there."""
    write_config(pico, CONFIG)
    with Console(pico) as console:
        reset(pico, console)
        for _ in range(3):
            console.wait("n1/air/temperature")
            pico.power_off()
            pico.power_on()
        console.wait("Petrel: safe mode")


def test_the_watchdog_resets_a_board_that_hangs(pico: Pico) -> None:
    write_config(pico, {**CONFIG, "watchdog": 5})
    with Console(pico) as console:
        reset(pico, console)
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
        assert pico.wait("reset")["reason"] == 1  # the timer: nobody feeds it any more
        pico.wait("usb")
        console.wait('"reset": "wdt"')


def test_maintenance_keeps_the_node_from_starting(pico: Pico) -> None:
    write_config(pico, CONFIG)
    write_config(pico, {}, "maintenance")
    with Console(pico) as console:
        reset(pico, console)
        console.wait("there is a file named maintenance")
