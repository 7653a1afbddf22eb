"""What drivers say of themselves, and entries of a config that suit them and a board.

The drivers are asked in MicroPython. What they can't tell, such as an example, is in parts.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tools.shared.boards import Board
from tools.shared.paths import MICROPYTHON, ROOT
from tools.wiring.parts import PARTS

VALUES = {
    "relay": "true", "dimmer": "40", "servo": "45", "pixels": "[255, 80, 0]", "buzzer": "1.5",
}  # fmt: skip
BY_CHANGE = {*VALUES, "digital", "button", "rotary"}  # they need no interval
_FACTS = """
import json, sys
from node.config.roles import roles
name = sys.argv[1]
module = __import__("sensors." + name, None, None, ("DRIVER",))
def plain(option):
    return ["..." if each is ... else each for each in option]
class Wired:  # to whatever the driver wants
    def __getattr__(self, name):
        return 0 if name.isupper() else lambda *some, **more: 0
def fields():
    options = module.options()
    options = {key: value for key, value in json.loads(sys.argv[2]).items() if key in options}
    options.pop("pull", None)
    try:
        return module.DRIVER(*hardware, **options).FIELDS
    except (ImportError, OSError, ValueError):  # it wants to see its part
        return module.DRIVER.FIELDS
hardware = [Wired()]  # a bus, a pin, ...
if module.USES != "i2c":
    hardware = [Wired() for _, kind in roles(module.USES) for _ in range(1 + (kind == "pulse"))]
print(json.dumps({
    "uses": module.USES,
    "roles": roles(module.USES),
    "options": {key: plain(option) for key, option in module.options().items()},
    "fields": fields(),
    "state": getattr(module.DRIVER, "STATE", None),
}))
"""


@cache
def facts(driver: str) -> dict[str, Any]:
    """What a driver says of itself, in MicroPython, made with the example of its page."""
    said = run("64", _FACTS, driver, json.dumps(PARTS[driver].example))
    found: dict[str, Any] = json.loads(said)
    return found


def pins_for(board: Board, driver: str) -> dict[str, int | str]:
    """Pins of a board that suit a driver: key of the config -> pin."""
    pins = board.petrel["pins"]
    found: dict[str, int | str] = {}
    usual = {"ESP32_GENERIC": {"sda": 21, "scl": 22}, "ESP8266_GENERIC": {"sda": 4, "scl": 5}}
    for key, kind in facts(driver)["roles"]:
        good = pins["adc"] if kind == "adc" else pins["all"]
        bad = [*pins["strapping"], *pins["reserved"], *pins["some_modules"]]
        bad += map(str, found.values())
        if kind not in ("out", "pulse", "adc"):
            bad += map(str, pins["level_only"])
        if kind == "pwm" and (timers := board.petrel["pwm"].get("timers")):
            good = [pin for pin in good if str(pin) in timers]
        if kind == "adc" and board.petrel["network"] == "wifi":
            bad += map(str, pins["adc_not_with_wifi"])
        if kind not in ("in", "pin", "pulse", "adc"):
            bad += map(str, pins["input_only"])
        if PARTS[driver].example.get("pull") and kind in ("in", "pin"):
            bad += map(str, pins["no_pull"])
        if kind == "adc" and good == [0]:
            bad = []  # ESP8266's one analog input has the number of a GPIO
        free = [pin for pin in good if str(pin) not in bad]
        wanted = usual.get(board.id, {}).get(key)
        found[key] = wanted if wanted is not None and wanted in free else free[0]
    return found


def config_for(driver: str, board: Board) -> dict[str, Any]:
    """An entry of `sensors` that the board takes."""
    part = PARTS[driver]
    more = {key: value for key, value in part.example.items() if value is not None}
    entry: dict[str, Any] = {"name": driver, "driver": driver, **pins_for(board, driver)}
    if driver not in BY_CHANGE:
        entry["interval"] = 60
    options = facts(driver)["options"]
    if "reference" in options and (divided := board.petrel["adc"].get("divided_v")):
        entry["reference"] = divided[0]
    most = board.petrel["pwm"]["most_hz"]
    if "frequency" in options and options["frequency"][0] > most:
        entry["frequency"] = most
    return {**entry, **more}


def run(bits: str, code: str, *arguments: str, cwd: Path = ROOT) -> str:
    """What a program prints in MicroPython, with lib/ of that folder."""
    # The path is relative: a longer one would take more RAM.
    done = subprocess.run(
        [str(MICROPYTHON[bits]), "-X", "heapsize=200K", "-c", code, *arguments],
        env={**os.environ, "MICROPYPATH": "lib:.frozen"},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
