"""What is wired to the playground's board: a part for each sensor of the config.

A part has quantities that can be set, or follow a wave or a recording, and faults.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tools.play.sim.i2c_parts import MODELS
from tools.play.sim.parts import Source
from tools.play.sim.world import World
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import LIB
from tools.wiring.drivers import facts
from tools.wiring.parts import PARTS

WRONG_PART = "wrong part"  # its chip id, which is read at power-on
WIRES = {"ds18b20": "ds18b20", "dht11": "dht11", "dht22": "dht22", "distance": "hc-sr04"}
I2C_FAULTS = ("absent", "stuck", "sda low", "slow")
# Of those parts only whose driver can notice it.
CRC_FAULTS = (*I2C_FAULTS, "bad crc")
OWN_FAULTS = {
    "aht20": CRC_FAULTS,
    "bme280": (*I2C_FAULTS, WRONG_PART),
    "scd4x": CRC_FAULTS,
    "sht3x": CRC_FAULTS,
}
WIRE_FAULTS = {
    "ds18b20": ("absent", "bad crc", "short", "weak", "failed"),
    "dht11": ("absent",),
    "dht22": ("absent",),
    "hc-sr04": ("absent", "high", "holds"),
}
_AIR = ("temperature", "humidity")
# What can be set of each part, by its driver; of analog sensors the volts.
QUANTITIES = {
    "aht20": _AIR,
    "sht3x": _AIR,
    "dht11": _AIR,
    "dht22": _AIR,
    "bme280": (*_AIR, "pressure"),
    "scd4x": (*_AIR, "carbon_dioxide"),
    "ds18b20": ("temperature",),
    "bh1750": ("illuminance",),
    "distance": ("distance",),
    "ina219": ("voltage", "current"),
    "ads1115": ("a0", "a1", "a2", "a3"),
}
INPUTS = ("digital", "button", "pulse", "rotary")


@dataclass
class Part:
    """What one sensor of the config is wired to.

    quantities: names of what can be set; model: the object whose attributes they are, or None for
    a voltage at an analog input; followed: quantities that follow something, and what
    """

    name: str
    driver: str
    pins: dict[str, Any]
    quantities: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    model: Any = None
    followed: dict[str, Source] = field(default_factory=dict)
    volts: float = 0.0  # at an analog input

    @property
    def is_input(self) -> bool:
        """True for a pin that somebody presses, or drives."""
        return self.driver in INPUTS

    @property
    def fault(self) -> str:
        """What is broken; "" for nothing."""
        return str(getattr(self.model, "fault", ""))

    def quantity(self, name: str) -> str:
        """The full name of a quantity, of which the beginning is enough; without one the only."""
        if name in self.quantities:
            return name
        begun = [each for each in self.quantities if name and each.startswith(name)]
        if len(begun) == 1:
            return begun[0]
        if not name and len(self.quantities) == 1:
            return self.quantities[0]
        if not self.quantities:
            raise ToolError(
                f"you can't set anything that {self.name} measures", f"press {self.name}?"
            )
        what = f"no {name!r}" if name else "several quantities"
        raise ToolError(f"{self.name} has {what}", f"there are {', '.join(self.quantities)}")

    def set(self, world: World, quantity: str, value: float) -> None:
        """From now on it measures this, in the unit of its field; volts at an analog input."""
        self.followed.pop(quantity, None)
        self._put(world, quantity, value)

    def follow(self, world: World, quantity: str, source: Source) -> None:
        """From now on it measures what the source says."""
        self.followed[quantity] = source
        self.step(world)

    def step(self, world: World) -> None:
        """Measure what the sources say now."""
        for quantity, source in list(self.followed.items()):
            self._put(world, quantity, source())

    def value(self, quantity: str) -> float:
        """What it measures now."""
        return float(self.volts if self.model is None else getattr(self.model, quantity))

    def _put(self, world: World, quantity: str, value: float) -> None:
        if self.model is None:
            self.volts = value
            world.wire(f"adc:{self.pins['pin']}", {"model": "constant", "volts": value})
        else:
            setattr(self.model, quantity, value)

    def fail(self, fault: str) -> None:
        """Give it a fault; "" for none."""
        if fault and fault not in self.faults:
            known = ", ".join(self.faults) or "none"
            raise ToolError(f"{self.name} has no fault {fault!r}", f"there are: {known}")
        changed = WRONG_PART in (fault, self.fault)
        self.model.fault = fault
        if changed:  # another one is plugged in
            self.model.power_on()


def wired(world: World, config: dict[str, Any]) -> tuple[dict[str, Part], list[str]]:
    """Wire a part for each sensor, in place of all there were; changes pins that the board lacks.

    Returns the parts by name, and a line for each pin that was changed or part that is missing.
    """
    found: dict[str, Part] = {}
    said: list[str] = []
    places = _Places()
    world.clear()
    sensors_of = config.get("sensors")
    for sensor in sensors_of if isinstance(sensors_of, list) else []:
        if not isinstance(sensor, dict) or not isinstance(sensor.get("driver"), str):
            continue  # the node itself says what is wrong with it
        name, driver = str(sensor.get("name")), sensor["driver"]
        if driver not in PARTS:
            if (LIB / "sensors" / f"{driver}.py").exists():
                said.append(f"{name}: there is no simulated part for the driver {driver!r}")
            continue  # if there is no such driver, the node says so
        pins = {}
        for role, kind in facts(driver)["roles"]:
            pins[role] = places.take(sensor.get(role), kind)
            if role not in sensor:
                said.append(f"{name}: {role} is missing; it is {pins[role]} here")
            elif pins[role] != sensor[role]:
                said.append(f"{name}: {role} {sensor[role]} is {pins[role]} here")
            if pins[role] != sensor.get(role):
                sensor[role] = pins[role]
        found[name] = _made(world, name, sensor, pins)
    return found, said


def _made(world: World, name: str, sensor: dict[str, Any], pins: dict[str, Any]) -> Part:
    driver = sensor["driver"]
    part = Part(name, driver, pins, tuple(sorted(QUANTITIES.get(driver, ()))))
    if driver in MODELS:
        where = f"{pins['sda']},{pins['scl']}"
        values = {}
        with suppress(KeyError, ValueError):  # a wrong one, or none: the node says so
            values["address"] = int(str(sensor["address"]), 0)
        world.wire(f"i2c:{where}", {"model": driver, **values})
        part.model = world.buses[where].parts[-1]
        part.faults = OWN_FAULTS.get(driver, I2C_FAULTS)
    elif driver in WIRES:
        pin = str(pins.get("echo", pins["pin"]))
        world.wire(f"wire:{pin}", {"model": WIRES[driver]})
        wire = world.wires[pin]
        part.model = wire.parts[-1] if hasattr(wire, "parts") else wire
        part.faults = WIRE_FAULTS[WIRES[driver]]
    elif facts(driver)["uses"] == "adc":
        part.quantities = ("volts",)
        part.set(world, "volts", 1.2)
        return part
    return part


class _Places:
    """Pins of the simulated board, each given once except for those of a bus."""

    def __init__(self) -> None:
        pins = boards.load("UNIX").petrel["pins"]
        bad = {*map(int, pins["reserved"]), *map(int, pins["strapping"])}
        self._adc = [pin for pin in pins["adc"] if pin not in bad]
        free = [pin for pin in pins["all"] if pin not in bad and pin not in pins["input_only"]]
        self._free = [pin for pin in free if pin not in pins["adc"]] + [
            pin for pin in free if pin in pins["adc"]
        ]
        self._buses: dict[Any, int] = {}
        self._taken: set[int] = set()

    def take(self, wanted: Any, kind: str) -> int:
        """The wanted pin if the board has it for that, else another."""
        if not isinstance(wanted, int | str):
            wanted = None
        if kind == "i2c" and wanted in self._buses:
            return self._buses[wanted]
        able = self._adc if kind == "adc" else self._free
        if isinstance(wanted, int) and wanted in able and wanted not in self._taken:
            pin = wanted
        else:
            left = [each for each in able if each not in self._taken]
            if not left:
                raise ToolError("the simulated board has no pin left", "leave a sensor out")
            pin = left[-1]
        self._taken.add(pin)
        if kind == "i2c":
            self._buses[wanted] = pin
        return pin
