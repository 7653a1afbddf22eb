"""The simulated I2C bus, and what the models of parts on it share; the parts are in i2c_parts.

A model answers what the part would: with its checksums, its calibration words, its time to
measure, and NACK where the part does not answer. What it measures are attributes, in SI units.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from tools.shared.errors import ToolError

Clock = Callable[[], float]
_LONGEST = 32  # bytes of registers that are read at once


class Nack(Exception):
    """Nobody acknowledges."""


class I2cPart:
    """A part: what is written, and what is read back; power_on() is a reset, or a replug.

    fault: "", "absent" (no acknowledgement), "stuck" (it holds SCL), "sda low" (it holds SDA,
    until it has got so many `clocks`, 0: forever), "bad crc" (a bit of each answer is wrong),
    "slow" (it takes a second longer), "wrong part" (another chip id)
    """

    ADDRESS = 0x00
    clocks = 0

    def __init__(self, address: int | None = None, fault: str = "", **values: float) -> None:
        self.address = self.ADDRESS if address is None else address
        self.fault = fault
        self.clock: Clock = time.monotonic  # seconds; another where the board's time is not ours
        self._ready = 0.0
        for name, value in values.items():
            if not hasattr(self, name):
                raise ToolError(f"{type(self).__name__} measures no {name!r}")
            setattr(self, name, value)
        self.power_on()

    def power_on(self) -> None:
        """Its power comes: it forgets what it was told and what it has measured."""
        self._ready = 0.0

    def transfer(self, data: bytes, count: int) -> bytes:
        """One transfer: write, then read `count` bytes. Raises Nack."""
        if self.fault == "absent" or not self.acknowledges():
            raise Nack
        if data:
            self.write(data)
        return self.answer()[:count].ljust(count, b"\xff") if count else b""

    def acknowledges(self) -> bool:
        """Whether it answers to its address now."""
        return True

    def write(self, data: bytes) -> None:
        """Bytes come from the board."""

    def answer(self) -> bytes:
        """What a read gets, as long as the part has something to say; then the bus is high."""
        return b""

    def measure(self, seconds: float) -> None:
        """Begin to measure."""
        self._ready = self.clock() + seconds + (self.fault == "slow")

    @property
    def busy(self) -> bool:
        """True while it measures."""
        return self.clock() < self._ready

    def spoilt(self, data: bytes) -> bytes:
        """The answer, with a wrong bit where that is the fault."""
        if self.fault != "bad crc":
            return data
        return data[:-2] + bytes((data[-2] ^ 0x10,)) + data[-1:]


def crc8(data: bytes) -> int:
    """CRC-8 of Sensirion and ASAIR, by the bits of the polynomial x8 + x5 + x4 + 1."""
    register = 0xFF
    for bit in "".join(f"{byte:08b}" for byte in data):
        out = register >> 7 ^ int(bit)
        register = register << 1 & 0xFF
        if out:
            register ^= 0x31
    return register


def words(*values: int) -> bytes:
    """Words of 16 bit, each with its checksum."""
    return b"".join(struct.pack(">H", v) + bytes((crc8(struct.pack(">H", v)),)) for v in values)


class _Pointed(I2cPart):
    """A part with numbered registers, and a pointer that each write begins with."""

    def power_on(self) -> None:
        super().power_on()
        self.registers: dict[int, int] = {}
        self._at = 0


class Registers(_Pointed):
    """A part with registers of a byte; the pointer moves on with each."""

    def write(self, data: bytes) -> None:
        self._at = data[0]
        for i, byte in enumerate(data[1:]):
            self.registers[self._at + i] = byte
            self.written(self._at + i, byte)

    def written(self, register: int, byte: int) -> None:
        """A register was written."""

    def answer(self) -> bytes:
        self.refresh()
        return bytes(self.registers.get(self._at + i, 0) for i in range(_LONGEST))

    def refresh(self) -> None:
        """Registers are about to be read."""

    def store(self, register: int, data: bytes) -> None:
        """Set registers from one on."""
        self.registers.update(enumerate(data, register))


class Words(_Pointed):
    """A part with registers of two bytes."""

    def write(self, data: bytes) -> None:
        self._at = data[0]
        if len(data) > 2:
            self.registers[self._at] = data[1] << 8 | data[2]
            self.written(self._at)

    def written(self, register: int) -> None:
        """A register was written."""

    def value(self, register: int) -> int:
        """What a register holds, 0 to 65535."""
        return self.registers.get(register, 0)

    def answer(self) -> bytes:
        return (self.value(self._at) & 0xFFFF).to_bytes(2, "big")


class I2cBus:
    """The parts on two pins."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.parts: list[I2cPart] = []
        self._clock = clock

    def add(self, part: I2cPart) -> None:
        """Connect a part."""
        part.clock = self._clock
        self.parts.append(part)

    @property
    def stuck(self) -> bool:
        """True if a part holds SCL low: the board sees that nothing moves."""
        return any(part.fault == "stuck" for part in self.parts)

    @property
    def sda_low(self) -> bool:
        """True if a part holds SDA low: each acknowledgement is there, and each bit is 0."""
        return any(part.fault == "sda low" for part in self.parts)

    def clock(self) -> None:
        """The board pulls SCL once by hand."""
        for part in self.parts:
            if part.fault == "sda low" and part.clocks:
                part.clocks -= 1
                part.fault = "sda low" if part.clocks else ""

    def transfer(self, address: int, data: bytes, count: int) -> str:
        """What the board gets: "=" and hex, "nack" or "stuck"."""
        if self.stuck:
            return "stuck"
        if self.sda_low:
            for _ in range(9 * (1 + len(data) + count)):
                self.clock()  # a part that was cut off in an answer goes on with it
            return "=" + bytes(count).hex()
        for part in self.parts:
            if part.address == address:
                try:
                    return "=" + part.transfer(data, count).hex()
                except Nack:
                    return "nack"
        return "nack"

    def scan(self) -> str:
        """The addresses that acknowledge, or "stuck"."""
        if self.stuck:
            return "stuck"
        if self.sda_low:
            return " ".join(str(address) for address in range(8, 120))
        there = [part for part in self.parts if part.fault != "absent" and part.acknowledges()]
        return " ".join(str(part.address) for part in there)
