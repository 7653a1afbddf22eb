"""What the emulated board's wires meet: tools.play.sim's models, asked in the parts' own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.play.sim.i2c import Nack
from tools.play.sim.wires import Dht, Echo, OneWire
from tools.play.sim.world import World


class Answers:
    """Answers for the parts of a world."""

    def __init__(self, world: World, lights: Sequence[int], triggers: dict[int, int]) -> None:
        self._world = world
        self._lights = lights
        self._triggers = triggers

    def parts(self) -> list[dict[str, Any]]:
        """What is wired to the board: the kinds that pico.mjs knows, and their pins."""
        found = [_part("i2c", *pins.split(",")) for pins in self._world.buses]
        for part, bus in zip(found, self._world.buses.values(), strict=True):
            part["held"] = bus.sda_low
        for pin, model in self._world.wires.items():
            if isinstance(model, OneWire):
                found.append(_part("onewire", pin))
            elif isinstance(model, Dht):
                found.append(_part("dht", pin))
            elif isinstance(model, Echo):
                found.append(_part("echo", self._triggers[int(pin)], pin))
        return found + [_part("lights", pin) for pin in self._lights]

    def held_low(self) -> list[int]:
        """Pins that a faulty part holds forever: SCL of a bus that is stuck."""
        buses = self._world.buses
        return [int(pins.split(",")[1]) for pins, bus in buses.items() if bus.stuck]

    def answer(self, kind: str, where: Any, *what: Any) -> Any:
        """The answer to one question of pico.mjs."""
        if kind == "adc":
            return self._world.microvolts(str(where))
        if kind == "i2c":
            return self._i2c(where, *what)
        if kind == "onewire":
            return self._world.wires[where].do(what[0], *map(str, what[1:]))
        if kind == "dht":
            return self._world.wires[where].answer()
        if kind == "echo":
            pulse = self._world.wires[where.split(",")[1]].pulse(1_000_000)
            return max(0, pulse)
        if kind == "lights":
            self._world.pixels[where] = _rgb(what[0])
            return None
        raise ValueError(kind)

    def _i2c(self, pins: str, what: str, address: int = 0, data: str = "") -> Any:
        parts = self._world.buses[pins].parts
        if what == "clock":
            self._world.buses[pins].clock()
            return self._world.buses[pins].sda_low
        there = [part for part in parts if part.address == address and part.fault != "absent"]
        try:
            if what == "write":
                there[0].write(bytes.fromhex(data))
            elif not there or not there[0].acknowledges():
                return None
            return there[0].answer().hex() if what == "read" else ""
        except Nack:  # of a command, when it is complete: its last byte was acknowledged already
            return None


def _part(kind: str, *pins: int | str) -> dict[str, Any]:
    return {"kind": kind, "pins": [int(pin) for pin in pins]}


def _rgb(hexadecimal: str) -> str:
    """The colours of lights in the order red, green, blue; on the wire green comes first."""
    raw = bytes.fromhex(hexadecimal)
    colours = [(raw[i + 1], raw[i], raw[i + 2]) for i in range(0, len(raw) - 2, 3)]
    return b"".join(map(bytes, colours)).hex()
