"""A driver in MicroPython, with the models of its parts: one process for each run of code."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from host_tests.harness.interpreter import compiled_lib, compiled_port, interpreter
from tools.play.sim.i2c import I2cBus, I2cPart
from tools.play.sim.wire import Wire
from tools.play.sim.world import World

# What the code of a test finds: make() as the node does it, value() and told() of a driver.
PRELUDE = """
import json
import time

from node.start.sensors import _make

def make(driver, **entry):
    entry["driver"] = driver
    return _make(entry, {})

def value(sensor):
    found = sensor.start()
    while isinstance(found, int):
        time.sleep_ms(found)
        found = sensor.read()
    return found

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

    def __init__(self, bits: str, parts: dict[str, Any], drivers: Path | None = None) -> None:
        """drivers: a folder with drivers of the test's own, besides those of lib/sensors."""
        self.bits = bits
        self._drivers = drivers
        self.world = World(parts, {"ssid": "bench"})
        self._wire = Wire(SimpleNamespace(world=self.world))

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def connect(self, bus: str, part: I2cPart) -> I2cPart:
        """Put a model of the test's own on a bus, "i2c:21,22"."""
        self.world.buses.setdefault(bus.partition(":")[2], I2cBus()).parts.append(part)
        return part

    def run(self, code: str, heap: str = "64K") -> list[Any]:
        """Run code inside MicroPython; returns what it told, one value for each tell()."""
        machine = interpreter(self.bits)
        with tempfile.TemporaryDirectory(prefix="petrel-rig-") as folder:
            environment = machine.environment(compiled_port())
            if self._drivers:
                lib = Path(folder) / "lib"
                shutil.copytree(compiled_lib(), lib)
                for driver in self._drivers.glob("*.py"):
                    shutil.copy(driver, lib / "sensors")
                environment = machine.environment(lib, compiled_port())
            environment["PETREL_BENCH"] = f"127.0.0.1:{self._wire.port}"
            done = subprocess.run(
                machine.command(PRELUDE + code, heap=heap),
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                cwd=folder,
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
