"""Models of parts on a single wire: DS18B20 (1-Wire), DHT11 and DHT22, and an ultrasonic echo."""

from __future__ import annotations

import time
from typing import Any

from tools.play.sim.i2c import Clock
from tools.shared.errors import ToolError


def crc8(data: bytes) -> int:
    """CRC-8 of Dallas: x8 + x5 + x4 + 1, least bit first."""
    register = 0
    for byte in data:
        for i in range(8):
            mix = (register ^ byte >> i) & 1
            register = register >> 1 ^ 0x8C * mix
    return register


class Ds18b20:
    """DS18B20, 19-7487: ROM, scratchpad of nine bytes, 750 ms for 12 bit."""

    def __init__(
        self,
        temperature: float = 21.5,
        serial: int = 1,
        fault: str = "",
        seconds: float = 0.75,
        clone: str = "",
    ) -> None:
        body = b"\x28" + serial.to_bytes(6, "little")
        self.rom = body + bytes((crc8(body),))
        self.temperature = temperature
        # "", "absent", "bad crc", "short": the wire is low, "weak": it loses its power while it
        # measures, "failed": what Maxim's have after a measurement that failed
        self.fault = fault
        # "": Maxim's, which tell sixteenths in byte 6 as well. "b": byte 6 is what was written as
        # the configuration, "c": it is always 0x0C.
        self.clone = clone
        self.seconds = seconds
        self.clock: Clock = time.monotonic
        self._ready = 0.0
        self.power_on()

    def power_on(self) -> None:
        """Its power comes: 85 C, and the alarm bytes of its EEPROM."""
        self._raw = 0x0550
        self._alarms = b"\x4b\x46"
        self._byte_6 = 0x0C
        self._converting = False

    def write(self, data: bytes) -> None:
        """The alarm bytes and the configuration are written."""
        self._alarms = data[:2]
        if self.clone == "b":
            self._byte_6 = data[2]

    def convert(self) -> None:
        """Begin to measure, or start again."""
        self._converting = True
        self._ready = self.clock() + self.seconds

    def scratchpad(self) -> bytes:
        """Its nine bytes."""
        if self._converting and self.fault == "weak":
            self.power_on()
        if self._converting and self.clock() >= self._ready:
            self._converting = False
            self._raw = round(self.temperature * 16) & 0xFFFF
            if self.fault == "failed":
                self._raw = 0x07FF
            if not self.clone:
                self._byte_6 = 16 - self._raw % 16
        data = self._raw.to_bytes(2, "little") + self._alarms
        data += bytes((0x7F, 0xFF, self._byte_6, 0x10))
        data += bytes((crc8(data),))
        return data if self.fault != "bad crc" else data[:-1] + bytes((data[-1] ^ 1,))


class OneWire:
    """The wire: reset, bytes written, bytes read."""

    def __init__(self) -> None:
        self.parts: list[Ds18b20] = []
        self._chosen: list[Ds18b20] = []
        self._answer = b""

    def there(self) -> list[Ds18b20]:
        """The parts that answer."""
        return [part for part in self.parts if part.fault != "absent"]

    def do(self, what: str, argument: str = "") -> str:
        """One question of the board."""
        if any(part.fault == "short" for part in self.parts):
            # All that is read is low, and so is the presence of a part.
            return {"reset": "1", "read": "00" * 9}.get(what, "")
        if what == "reset":
            self._chosen = []
            return str(int(bool(self.there())))
        if what == "search":
            return " ".join(part.rom.hex() for part in self.there())
        if what == "write":
            self._write(bytes.fromhex(argument))
            return ""
        if what == "read":
            count = int(argument)
            return (self._answer + b"\xff" * count)[:count].hex()
        raise ValueError(what)

    def _write(self, data: bytes) -> None:
        if data[:1] == b"\xcc":  # skip ROM: all of them
            self._chosen, data = self.there(), data[1:]
        elif data[:1] == b"\x55":  # match ROM
            self._chosen = [part for part in self.there() if part.rom == data[1:9]]
            data = data[9:]
        self._answer = b""
        if data == b"\x44":
            for part in self._chosen:
                part.convert()
        elif data[:1] == b"\x4e" and len(data) == 4:
            for part in self._chosen:
                part.write(data[1:])
        elif data == b"\xbe" and self._chosen:
            self._answer = self._chosen[0].scratchpad()


class Dht:
    """DHT22, or DHT11: five bytes, the last the sum of the others; silent if asked too soon."""

    def __init__(
        self, kind: str = "dht22", temperature: float = 21.5, humidity: float = 45.0,
        fault: str = "", bad: int = 0, complement: bool = False, frame: str = "",
    ) -> None:  # fmt: skip
        self.kind = kind
        self.complement = complement  # below zero it has a two's complement, as some clones
        self.frame = frame  # hex of four bytes that it answers, whatever it measures

        self.temperature = temperature
        self.humidity = humidity
        self.fault = fault  # "", "absent"
        self.bad = bad  # so many answers to come have a bad checksum; -1: all
        self.clock: Clock = time.monotonic
        self.pause = 1.0 if kind == "dht11" else 2.0  # s from one answer to the next
        self._asked = -10.0

    def answer(self) -> str:
        """Its bytes in hex; empty if it doesn't answer."""
        early = self.clock() < self._asked + self.pause
        if self.fault == "absent" or early:
            return ""
        self._asked = self.clock()
        tenths = round(abs(self.temperature) * 10)
        below = self.temperature < 0
        if self.frame:
            data = bytes.fromhex(self.frame)
        elif self.kind == "dht11":
            data = bytes(divmod(round(self.humidity * 10), 10) + divmod(tenths, 10))
            data = data[:3] + bytes((data[3] | below << 7,))
        else:
            t = -tenths & 0xFFFF if below and self.complement else tenths | below << 15
            data = round(self.humidity * 10).to_bytes(2, "big") + t.to_bytes(2, "big")
        wrong = self.bad != 0
        self.bad -= self.bad > 0
        return (data + bytes(((sum(data) + wrong) & 0xFF,))).hex()


class Echo:
    """An HC-SR04: ECHO is high for the time there and back, for 38 ms if nothing comes back.

    A ping that comes too soon after the one before hears the late echoes of that.
    """

    REACH_US = 25_000
    NOTHING_US = 38_000
    CYCLE_S = 0.06

    def __init__(self, distance: float = 1.0, temperature: float = 20.0, fault: str = "") -> None:
        self.distance = distance
        self.temperature = temperature
        # "", "absent": no echo line, "high": ECHO never falls, "holds": where nothing comes back
        # ECHO stays high until somebody pulls it low, as in an HC-SR04P
        self.fault = fault
        self.clock: Clock = time.monotonic
        self._pinged = self._falls = -1.0

    def pulled(self, level: int) -> None:
        """The board drives ECHO."""
        if self.fault == "holds" and not level:
            self._falls = self.clock()

    @property
    def level(self) -> int:
        """The level of ECHO."""
        return int(self.fault == "high" or self.clock() < self._falls)

    def pulse(self, timeout_us: int) -> int:
        """What MicroPython's time_pulse_us gives: us, -1 if ECHO stays high, -2 if it stays low.

        The trigger is pulled just before, which the part does not heed while ECHO is high; that
        is timed from now on.
        """
        now = self.clock()
        if not self.level and self.fault != "absent":
            us = round(2e6 * self.distance / (331.3 + 0.606 * self.temperature))
            nothing = 10**12 if self.fault == "holds" else self.NOTHING_US
            us = us if us <= self.REACH_US else nothing
            if now - self._pinged < self.CYCLE_S:
                us //= 2
            self._pinged, self._falls = now, now + us / 1e6
        if not self.level:
            return -2
        left = timeout_us + 1 if self.fault == "high" else round((self._falls - now) * 1e6)
        return left if left <= timeout_us else -1


KINDS: dict[str, Any] = {"ds18b20": Ds18b20, "dht22": Dht, "dht11": Dht, "hc-sr04": Echo}


def part(model: str, **values: Any) -> Any:
    """A part of that model; raises ToolError for what there is no model of."""
    if model not in KINDS:
        raise ToolError(f"no model {model!r}", f"there are {', '.join(KINDS)}")
    if model.startswith("dht"):
        values["kind"] = model
    try:
        return KINDS[model](**values)
    except TypeError as error:
        raise ToolError(f"model {model}: {str(error).rpartition('() ')[2]}") from error
