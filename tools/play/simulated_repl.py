"""The REPL of the simulated board, with the sensors of a config ready to use.

The lines that make them are run on the board before its prompt, and printed as a greeting.
"""

from __future__ import annotations

import copy
import json
import keyword
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.config.check import findings
from tools.make.package import build
from tools.play.playground import EXAMPLE, read
from tools.play.playground.parts import Part, wired
from tools.play.playground.prompt import OUTPUTS
from tools.play.sim import Bench
from tools.shared.errors import ToolError
from tools.shared.imports import DRIVERS
from tools.shared.paths import LIB, MICROPYTHON
from tools.wiring.drivers import facts

READY = "ready"  # the module on the board's flash that makes the sensors
STARTS = ("boot.py", "main.py")  # they would start the node
# How the node makes what a driver is handed; see node.start.sensors.
INPUT = "Pin({pin}, Pin.IN{pull})"
HANDED = {
    "adc": "ADC({pin})",
    "pwm": "PWM(Pin({pin}))",
    "out": "Pin({pin}, Pin.OUT)",
    "bare": "Pin({pin})",
    "pulse": f"{INPUT}, time_pulse_us",
}
PULLS = {"up": ", Pin.PULL_UP", "down": ", Pin.PULL_DOWN"}
MACHINE = ("ADC", "I2C", "PWM", "Pin", "time_pulse_us")


def simulated_repl(config: Path | None) -> None:
    """Open the REPL until Ctrl-D. Raises ToolError for sensors that can't be made."""
    with (
        TemporaryDirectory(prefix="petrel-repl-") as folder,
        Bench(
            Path(folder),
            interpreter=MICROPYTHON["64"],
            interactive=True,
            first=f"import start\nfrom {READY} import *",
        ) as bench,
    ):
        session = Session(bench, read(config or EXAMPLE))
        left_out = shutil.ignore_patterns(*STARTS)
        shutil.copytree(build("UNIX", quiet=True), folder, ignore=left_out, dirs_exist_ok=True)
        (Path(folder) / f"{READY}.py").write_text("\n".join(session.lines) + "\n")
        print(f"The simulated board, with the sensors of {config or 'an example'}.")
        print(session.greeting(), flush=True)
        bench.power_on()
        bench.wait_exit()


class Session:
    """What a config's sensors are called at the REPL, and the lines that make them.

    moved: a line for each pin that the simulated board lacks, and had to replace
    """

    def __init__(self, bench: Bench, config: dict[str, Any]) -> None:
        config = copy.deepcopy(config)
        parts, self.moved = wired(bench.world, config)
        entries = config.get("sensors", [])
        trial = {"mqtt": {"host": "localhost"}, "wifi": {"ssid": "bench"}, "sensors": entries}
        if faults := [each for each in findings(trial, "UNIX")[0] if each.startswith("sensors")]:
            raise ToolError("\n  ".join(faults), "Correct the config and try again.")
        self._taken = {*MACHINE, "run", "measure"}
        self._buses: dict[tuple[int, int], str] = {}
        self._imports: list[str] = []
        self._made: list[str] = []
        self.names = {each["name"]: self._make(parts[each["name"]], each) for each in entries}
        self._readable = [
            name for each, name in self.names.items() if parts[each].driver not in OUTPUTS
        ]

    @property
    def lines(self) -> list[str]:
        """The code that makes everything."""
        text = "\n".join(self._made)
        machine = [each for each in MACHINE if re.search(rf"\b{each}\b", text)]
        return [
            *([f"from machine import {', '.join(machine)}"] if machine else []),
            *self._imports,
            *self._made,
            "from asyncio import run",
            "from sensors.shared.wait import measure",
        ]

    def greeting(self) -> str:
        """What has been run, and what to type next."""
        said = [*self.moved, "These lines have been run:", ""]
        said += [f"    {line}" for line in self.lines]
        name = (self._readable or ["..."])[0]
        return "\n".join([*said, "", f"run(measure({name})) reads a sensor. Ctrl-D leaves.", ""])

    def _make(self, part: Part, entry: dict[str, Any]) -> str:
        driver = part.driver
        made = _class(driver)
        line = f"from sensors.{driver} import {made}"
        if line not in self._imports:
            self._imports.append(line)
        arguments = [self._bus(part.pins["sda"], part.pins["scl"])] if "sda" in part.pins else []
        for role, kind in facts(driver)["roles"]:
            if kind != "i2c":
                pull = PULLS.get(entry.get("pull", ""), "")
                arguments.append(HANDED.get(kind, INPUT).format(pin=part.pins[role], pull=pull))
        for key in facts(driver)["options"]:
            if key in entry and key != "pull":
                arguments.append(f"{key}={_literal(key, entry[key])}")
        name = self._name(part.name)
        self._made.append(f"{name} = {made}({', '.join(arguments)})")
        return name

    def _bus(self, sda: int, scl: int) -> str:
        if (sda, scl) not in self._buses:
            number = len(self._buses)
            name = self._buses[sda, scl] = self._name(f"i2c{number or ''}")
            self._made.append(f"{name} = I2C({number}, sda=Pin({sda}), scl=Pin({scl}))")
        return self._buses[sda, scl]

    def _name(self, text: str) -> str:
        """A variable for what a config calls so."""
        name = re.sub(r"\W", "_", text, flags=re.ASCII)
        if not name.strip("_")[:1].isalpha():
            name = f"sensor{name}"  # from ready import * leaves out what begins with _
        while name in self._taken or keyword.iskeyword(name):
            name += "_"
        self._taken.add(name)
        return name


def _literal(key: str, value: Any) -> str:
    if key == "address":
        return f"0x{int(value, 16) if isinstance(value, str) else value:02x}"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _class(driver: str) -> str:
    """The name of a driver's class."""
    text = (LIB / DRIVERS / f"{driver}.py").read_text()
    found = re.search(r"^DRIVER = (\w+)", text, re.M)
    assert found
    return found[1]
