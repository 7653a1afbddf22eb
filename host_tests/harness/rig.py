"""A driver in MicroPython, with the models of its parts: one process for each run of code."""

from __future__ import annotations

import json
import os
import subprocess
from types import SimpleNamespace
from typing import Any

from host_tests.harness.interpreter import compiled_port, interpreter
from tools.sim.wire import Wire
from tools.sim.world import World

# What the code of a test finds: make() as the node does it, value() and told() of a driver.
PRELUDE = """
import json
import time

from node.parts import _make

def make(driver, **entry):
    entry["driver"] = driver
    return _make(entry, {})

def value(sensor):
    time.sleep_ms(sensor.start())
    return sensor.read()

def told(function, *arguments, **more):
    try:
        return function(*arguments, **more)
    except (OSError, ValueError) as error:
        return "%s: %s" % (type(error).__name__, error)

def tell(what):
    print(json.dumps(what))
"""


class Rig:
    """The world around a board that only runs a few lines of code at a time."""

    def __init__(self, bits: str, parts: dict[str, Any]) -> None:
        self.bits = bits
        self.world = World(parts, {"ssid": "bench"})
        self._wire = Wire(SimpleNamespace(world=self.world))  # type: ignore[arg-type]

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def run(self, code: str, heap: str = "64K") -> list[Any]:
        """Run code inside MicroPython; returns what it told, one value for each tell()."""
        machine = interpreter(self.bits)
        done = subprocess.run(
            machine.command(PRELUDE + code, heap=heap),
            env={
                **machine.environment(compiled_port()),
                "PETREL_BENCH": f"127.0.0.1:{self._wire.port}",
            },
            capture_output=True,
            text=True,
            timeout=60,
            cwd=os.environ.get("PETREL_FLASH"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def part(self, where: str, index: int = 0) -> Any:
        """A model, to be changed while the test runs."""
        kind, _, pins = where.partition(":")
        if kind == "i2c":
            return self.world.buses[pins].parts[index]
        found = self.world.wires[pins]
        return found.parts[index] if hasattr(found, "parts") else found
