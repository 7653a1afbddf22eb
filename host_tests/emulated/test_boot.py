"""The stages of the start, on the chip: config, safe mode, watchdog, and a node at work."""

from __future__ import annotations

import json
from typing import Any

from host_tests.emulated.console import RESET, Console, write_config
from tools.lab.emulator import Pico

CONFIG: dict[str, Any] = {
    "node": "n1",
    "mqtt": {"host": "broker"},
    "sensors": [
        {"name": "air", "driver": "bme280", "sda": 4, "scl": 5, "interval": 0.5},
        {"name": "door", "driver": "digital", "pin": 15, "pull": "up"},
    ],
}


def reset(whole: Pico, console: Console) -> None:
    console.type(RESET)
    whole.wait("reset")
    whole.wait("usb")


def test_a_new_config_is_checked_and_the_node_reads_its_sensors(whole: Pico) -> None:
    write_config(whole, CONFIG)
    with Console(whole) as console:
        reset(whole, console)
        console.wait("soft reboot")  # what is said before is said before USB is up
        reading = json.loads(console.wait("n1/air/temperature").split(" ", 1)[1])
        assert abs(reading["value"] - 12.5) < 0.02
        whole.pin(15, 0)
        console.wait('n1/door {"value": 0')


def test_a_wrong_config_is_refused_with_a_better_pin_and_the_last_good_one_serves(
    whole: Pico,
) -> None:
    write_config(whole, CONFIG)
    with Console(whole) as console:
        reset(whole, console)
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
    sensors = [{"name": "sun", "driver": "ldr", "pin": 3}]
    write_config(whole, {**CONFIG, "sensors": sensors})
    with Console(whole) as console:
        reset(whole, console)
        told = console.wait('"faults"')  # what was said before is said before USB is up
        assert "sensors[0]" in told and "26" in told
        assert "config.json.old, the last good one, is used instead" in told
        console.wait("n1/air/temperature")


def test_a_session_at_the_repl_is_no_crash(whole: Pico) -> None:
    """mpremote resets a board for each command, and runs boot.py alone."""
    write_config(whole, CONFIG)
    for _ in range(4):
        write_config(whole, {}, "other.json")
    with Console(whole) as console:
        reset(whole, console)
        assert "crashes" not in console.wait("n1/diagnostics")


def test_three_starts_that_do_not_last_end_in_safe_mode(whole: Pico) -> None:
    """The power goes as soon as the first reading is there."""
    write_config(whole, CONFIG)
    with Console(whole) as console:
        reset(whole, console)
        for _ in range(3):
            console.wait("n1/air/temperature")
            whole.power_off()
            whole.power_on()
        console.wait("Petrel: safe mode")


def test_the_watchdog_resets_a_board_that_hangs(whole: Pico) -> None:
    write_config(whole, {**CONFIG, "watchdog": 5})
    with Console(whole) as console:
        reset(whole, console)
        console.wait("n1/air/temperature")
        console.type(b"\x03")
        console.wait("stopped; machine.reset() starts it again")
        assert whole.wait("reset")["reason"] == 1  # the timer: nobody feeds it any more
        whole.wait("usb")
        console.wait('"reset": "wdt"')


def test_maintenance_keeps_the_node_from_starting(whole: Pico) -> None:
    write_config(whole, CONFIG)
    write_config(whole, {}, "maintenance")
    with Console(whole) as console:
        reset(whole, console)
        console.wait("remove the file maintenance")
