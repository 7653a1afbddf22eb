"""Each claim: what was checked without a board, on what, and by which tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tools.shared.paths import ROOT

PICO = "rp2040js: MicroPython 1.25 for the Pico, in an emulated chip"
CORTEX = "QEMU: MicroPython 1.25 on a bare Cortex-M3, heap of 36 KB, from littlefs 42 KB"
LOADER = "models of the ROM loaders of ESP32, S3, C3 and ESP8266, the real esptool"
UNIX = "MicroPython's unix port, 64 and 32 bit"
PTY = "a pseudo terminal, a real Mosquitto"

HERE = "host_tests/emulated"


class Claim(NamedTuple):
    """One row of docs/hardware.md; the tests by file and function, `file::*` for all of a file."""

    what: str
    on: str
    tests: tuple[str, ...]


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::{name}" for name in names)


CLAIMS = [
    Claim(
        "the manifest freezes Petrel into MicroPython; the firmware starts and imports everything",
        PICO, _of(f"{HERE}/test_mpremote.py",
                  "test_the_firmware_is_what_the_port_freezes_and_petrel"),
    ),
    Claim(
        "with real bus timing, each I2C driver reads the same as on the simulated board, and "
        "raises the same errors for a part that is absent, slow, wrong or stuck",
        PICO, _of(f"{HERE}/test_drivers.py", "test_i2c", "test_several_parts_on_one_bus",
                  "test_i2c_by_the_chips_own_peripheral",
                  "test_a_bus_that_a_reset_has_cut_off_is_clocked_free"),
    ),
    Claim(
        "DS18B20, DHT11, DHT22 and HC-SR04 read the same with real pulses and time slots",
        PICO, _of(f"{HERE}/test_drivers.py", "test_wires", "test_several_on_a_1_wire_bus",
                  "test_faults_of_wires", "test_distance"),
    ),
    Claim(
        "each analog driver reads the same through 12 bits of machine.ADC; noise is filtered",
        PICO, (*_of(f"{HERE}/test_drivers.py", "test_analog"),
               *_of(f"{HERE}/test_pins.py", "test_noise_on_an_analog_input_is_filtered")),
    ),
    Claim(
        "interrupts follow contacts that bounce, buttons, an encoder and pulses",
        PICO, _of(f"{HERE}/test_pins.py", "test_a_bouncing_contact_tells_each_change_once",
                  "test_a_button_that_bounces", "test_a_rotary_encoder",
                  "test_pulses_are_counted_by_interrupts", "test_pulses_with_bounces"),
    ),
    Claim(
        "outputs: levels, PWM and the bits of WS2812, measured at the pin; safe from the start",
        PICO, _of(f"{HERE}/test_pins.py", "test_outputs",
                  "test_an_output_is_safe_from_the_first_moment"),
    ),
    Claim(
        "the tests catch a driver with a wrong register, swapped bytes or too short a wait",
        PICO, _of(f"{HERE}/test_broken_drivers.py", "*"),
    ),
    Claim(
        "boot: a new config, a wrong one, maintenance, safe mode, the watchdog, the REPL",
        PICO, _of(f"{HERE}/test_boot.py", "*"),
    ),
    Claim(
        "a power cut in any flash operation leaves the old config or the new one, never neither",
        PICO, _of(f"{HERE}/test_flash.py", "*"),
    ),
    Claim(
        "an update over USB and make bridge, with the power cut in ten places: the old code runs "
        "or the new, never neither",
        PICO, _of(f"{HERE}/test_update.py", "*"),
    ),
    Claim(
        "mpremote, make repl and make deploy over USB, as files and into a ROMFS; after a power "
        "cut in a deploy, the next one repairs it",
        PICO, _of(f"{HERE}/test_mpremote.py", "test_files_go_there_and_come_back",
                  "test_make_repl", "test_make_deploy",
                  "test_a_deploy_that_the_power_cuts_leaves_a_board_that_boots",
                  "test_make_deploy_into_a_romfs",
                  "test_a_romfs_that_the_power_cuts_leaves_a_board_that_says_so"),
    ),
    Claim(
        "a whole node's readings and commands over USB and make bridge, with a real Mosquitto",
        PICO, _of(f"{HERE}/test_mpremote.py", "test_readings_reach_a_broker_over_usb"),
    ),
    Claim(
        "1,000 readings with QoS 1 across a restart of the broker, with none lost and the heap "
        "unchanged; QoS 1 both ways; the keep alive; frames to make bridge, which is killed on "
        "the way",
        CORTEX, _of(f"{HERE}/test_cortex_m3.py", "*"),
    ),
    Claim(
        "make flash: erases, writes where the ROM looks, verifies; a wrong chip, file or size; a "
        "connection lost on the way, and a second try",
        LOADER, _of("host_tests/test_flash_esptool.py", "*"),
    ),
    Claim(
        "MQTT in frames over a serial line: damage, loss, resets and restarts on either side",
        PTY, (*_of("host_tests/test_serial.py", "*"), *_of("host_tests/test_serial_node.py", "*"),
              *_of("host_tests/test_serial_frames.py", "*")),
    ),
    Claim(
        "the whole node in the heap of an ESP8266, from .mpy files and from a ROMFS",
        UNIX, _of("host_tests/test_ram.py", "*"),
    ),
]  # fmt: skip


def names_in(file: Path) -> list[str]:
    """The names of the tests in a file."""
    return re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)


def table() -> str:
    """The claims as a table of Markdown."""
    rows = ["| what | checked on | by |", "|---|---|---|"]
    for claim in CLAIMS:
        named = "<br>".join(_shown(test) for test in claim.tests)
        rows.append(f"| {claim.what} | {claim.on} | {named} |")
    return "\n".join(rows) + "\n"


def _shown(test: str) -> str:
    file, _, name = test.removeprefix("host_tests/").partition("::")
    return f"all of `{file}`" if name == "*" else f"`{file}::{name}`"


BEGIN, END = "<!-- written from host_tests/emulated/claims.py -->\n", "<!-- end -->\n"
PAGE = ROOT / "docs" / "hardware.md"


def page() -> str:
    """The page with the table as it is now."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def pages() -> dict[Path, str]:
    """The page, by its path."""
    return {PAGE: page()}
