"""Register-level models of parts on an I2C bus, each from its datasheet."""

from __future__ import annotations

import math
import struct
from typing import Any, ClassVar

from tools.play.sim.i2c import I2cPart, Nack, Registers, Words, crc8, words
from tools.shared.errors import ToolError


class Bme280(Registers):
    """BST-BME280-DS002: forced mode, calibration words, data that come when they are ready."""

    ADDRESS = 0x76
    ID = 0x60
    # The trimming words of the example in 3.12 of BST-BMP280-DS001, and of a BME280 for humidity.
    T: ClassVar = (27504, 26435, -1000)
    P: ClassVar = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
    H: ClassVar = (75, 370, 0, 313, 50, 30)
    temperature = 21.5  # C
    pressure = 1013.25  # hPa
    humidity = 45.0  # %
    copy_s = 0.0  # for so long after power-on it copies its trimming words from its memory

    def power_on(self) -> None:
        super().power_on()
        self._config = 0
        self._wanted: tuple[bool, bool, bool] | None = None
        self.store(0xD0, bytes((0x55 if self.fault == "wrong part" else self.ID,)))
        self._copied = self.clock() + self.copy_s
        self._copies = self.copy_s > 0
        if not self._copies:
            self.calibrate()
        self._data(0x80000, 0x80000, 0x8000)

    def calibrate(self) -> None:
        """Store the trimming words."""
        self.store(0x88, struct.pack("<HhhHhhhhhhhh", *self.T, *self.P))
        h1, h2, h3, h4, h5, h6 = self.H
        self.store(0xA1, bytes((h1,)))
        split = (h4 >> 4 & 0xFF, (h4 & 15) | (h5 & 15) << 4, h5 >> 4 & 0xFF)
        self.store(0xE1, struct.pack("<hBBBBb", h2, h3, *split, h6))

    def written(self, register: int, byte: int) -> None:
        if register == 0xF5 and self.registers.get(0xF4, 0) & 3 == 3:
            self.registers[0xF5] = self._config  # it heeds this only while it sleeps
        self._config = self.registers.get(0xF5, 0)
        if register == 0xF4 and byte & 3 in (1, 2):
            self.registers[register] &= 0xFC  # it sleeps again afterwards
            many = [(1 << (bits - 1)) if bits else 0 for bits in (byte >> 5, byte >> 2 & 7)]
            humidity = self.registers.get(0xF2, 0) & 7
            ms = 1.25 + 2.3 * many[0] + (2.3 * many[1] + 0.575) * bool(many[1])
            ms += 2.3 * (1 << humidity - 1) + 0.575 if humidity else 0
            self._wanted = bool(many[0]), bool(many[1]), bool(humidity) and self.ID == 0x60
            self.measure(ms / 1000)

    def refresh(self) -> None:
        if self._copies and self.clock() >= self._copied:
            self._copies = False
            self.calibrate()
        self.registers[0xF3] = 8 * self.busy | self._copies
        if self._wanted and not self.busy:
            raw_t = self._raw(self.temperature, self._celsius)
            fine = self._fine(raw_t)
            raw_p = self._raw(self.pressure * 100, lambda raw: self._pascals(raw, fine))
            raw_h = self._raw(self.humidity, lambda raw: self._percent(raw, fine), 16)
            t, p, h = self._wanted
            self._data(raw_t if t else 0x80000, raw_p if p else 0x80000, raw_h if h else 0x8000)
            self._wanted = None

    def _data(self, t: int, p: int, h: int) -> None:
        data = (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + h.to_bytes(2, "big")
        self.store(0xF7, data)

    # The other way round than in the part, in the datasheet's floating point (8.1).

    def _fine(self, raw: float) -> float:
        t1, t2, t3 = self.T
        one = (raw / 16384 - t1 / 1024) * t2
        return one + (raw / 131072 - t1 / 8192) ** 2 * t3

    def _celsius(self, raw: float) -> float:
        return self._fine(raw) / 5120

    def _pascals(self, raw: float, fine: float) -> float:
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.P
        one = fine / 2 - 64000
        two = one * one * p6 / 32768 + one * p5 * 2
        two = two / 4 + p4 * 65536
        one = (p3 * one * one / 524288 + p2 * one) / 524288
        one = (1 + one / 32768) * p1
        p = (1048576 - raw - two / 4096) * 6250 / one
        return float(p + (p9 * p * p / 2147483648 + p * p8 / 32768 + p7) / 16)

    def _percent(self, raw: float, fine: float) -> float:
        h1, h2, h3, h4, h5, h6 = self.H
        x = fine - 76800
        y = raw - (h4 * 64 + h5 / 16384 * x)
        z = h2 / 65536 * (1 + h6 / 67108864 * x * (1 + h3 / 67108864 * x))
        found = y * z
        return min(max(found * (1 - h1 * found / 524288), 0.0), 100.0)

    @staticmethod
    def _raw(value: float, function: Any, bits: int = 20) -> int:
        """The number of so many bits for which a monotonic function gives the value nearest."""
        low, high = 0, (1 << bits) - 1
        rising = function(high) > function(low)
        while low < high:
            middle = (low + high) // 2
            if (function(middle) < value) == rising:
                low = middle + 1
            else:
                high = middle
        return low


class Bmp280(Bme280):
    """The same without humidity."""

    ID = 0x58


class Sht3x(I2cPart):
    """SHT3x-DIS: a command, a time, six bytes; NACK for all that comes while it measures, and for
    a command within 1 ms of another.

    fault "periodic": it measures by itself, and takes no command but a break
    """

    ADDRESS = 0x44
    temperature = 21.5
    humidity = 45.0

    def power_on(self) -> None:
        super().power_on()
        self._told = -1.0  # when the last command came
        self.heater = False  # its own, which other firmware may have switched on

    def write(self, data: bytes) -> None:
        early = self.clock() < self._told + 0.001
        self._told = self.clock()
        if early or (self.fault == "periodic" and data != b"\x30\x93"):
            raise Nack
        if self.fault == "periodic":
            self.fault = ""
        if data == b"\x30\x66":
            self.heater = False
        if data == b"\x24\x00":
            self.measure(0.0155)

    def acknowledges(self) -> bool:
        return not self.busy

    def answer(self) -> bytes:
        if not self._ready:
            raise Nack
        t = round((self.temperature + 5 * self.heater + 45) / 175 * 65535)
        h = round(self.humidity / 100 * 65535)
        self._ready = 0.0
        return self.spoilt(words(t, h))


class Aht20(I2cPart):
    """AHT20: status, 20 bits each, a checksum over all; NACK for a command while it is at work.

    fault "no power": it loses its calibration while it measures, once
    """

    ADDRESS = 0x38
    temperature = 21.5
    humidity = 45.0

    def power_on(self) -> None:
        super().power_on()
        self._calibrated = False

    def write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        if data == b"\xbe\x08\x00":
            self._calibrated = True
            self.measure(0.01)
        elif data == b"\xac\x33\x00":
            self.measure(0.08)
            if self.fault == "no power":
                self._calibrated, self.fault = False, ""

    def answer(self) -> bytes:
        t = round((self.temperature + 50) / 200 * (1 << 20))
        h = round(self.humidity / 100 * (1 << 20))
        status = 0x10 | 0x80 * self.busy | 8 * self._calibrated
        data = bytes((status,)) + ((min(h, 0xFFFFF) << 20) | min(t, 0xFFFFF)).to_bytes(5, "big")
        return self.spoilt(data + bytes((crc8(data),)))


class Bh1750(I2cPart):
    """BH1750: one measurement, at its slowest; before it is done, the last one."""

    ADDRESS = 0x23
    illuminance = 500.0

    def power_on(self) -> None:
        super().power_on()
        self._last = self._next = 0
        self.sensitivity = 69

    def write(self, data: bytes) -> None:
        if data == b"\x20":
            self.measure(0.18)
            self._next = min(round(self.illuminance * 1.2 * self.sensitivity / 69), 0xFFFF)
        elif data[0] & 0xF8 == 0x40:
            self.sensitivity = (data[0] & 7) << 5 | self.sensitivity & 31
        elif data[0] & 0xE0 == 0x60:
            self.sensitivity = self.sensitivity & 0xE0 | data[0] & 31

    def answer(self) -> bytes:
        if not self.busy:
            self._last = self._next
        return self._last.to_bytes(2, "big")


class Ads1115(Words):
    """ADS1115: input, range and rate from the configuration register; OS while it is at rest.

    A conversion has the input and the range that were set when it began: what is written meanwhile
    is kept in the register, but begins nothing.

    fault "continuous": it converts by itself, until a single conversion is asked for
    """

    ADDRESS = 0x48
    a0 = a1 = a2 = a3 = 0.0  # V

    def power_on(self) -> None:
        super().power_on()
        self._last = self._next = 0

    def written(self, register: int) -> None:
        if self.fault == "continuous" and self.registers[1] & 0x0100:
            self.fault = ""
        if register == 1 and self.registers[1] & 0x8000 and not self.busy:
            self._last = self._next
            self._next = self._convert(self.registers[1])
            rate = (8, 16, 32, 64, 128, 250, 475, 860)[self.registers[1] >> 5 & 7]
            self.measure(1.1 / rate)

    def value(self, register: int) -> int:
        if register == 1:
            if self.fault == "continuous":
                return 0x0483  # it is never at rest
            return (self.registers.get(1, 0x8583) & 0x7FFF) | (0 if self.busy else 0x8000)
        return (self._last if self.busy else self._next) if register == 0 else 0

    def _convert(self, config: int) -> int:
        inputs = (self.a0, self.a1, self.a2, self.a3)
        pair = ((0, 1), (0, 3), (1, 3), (2, 3), (0,), (1,), (2,), (3,))[config >> 12 & 7]
        volts = inputs[pair[0]] - (inputs[pair[1]] if len(pair) > 1 else 0)
        full = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)[config >> 9 & 7]
        return max(-32768, min(32767, math.floor(volts / full * 32768 + 0.5)))


class Ina219(Words):
    """INA219: shunt and bus voltage, each where the mode has it; CNVR when all is there."""

    ADDRESS = 0x40
    voltage = 12.0
    current = 0.5
    shunt = 0.1

    def power_on(self) -> None:
        super().power_on()
        self._shunt_raw = self._bus_raw = 0
        self._begun = False

    def written(self, register: int) -> None:
        mode = self.registers[0] & 7
        if register != 0 or mode in (0, 4):  # power down, ADC off: nothing is measured
            return
        self._begun = True
        self.measure(0.000586 * (bool(mode & 1) + bool(mode & 2)))
        if mode & 1:
            most = 4000 << (self.registers[0] >> 11 & 3)  # PG: 40 to 320 mV
            raw = round(self.current * self.shunt * 100_000)
            self._shunt_raw = max(-most, min(most, raw))
        if mode & 2:
            full = 32 if self.registers[0] & 0x2000 else 16
            self._bus_raw = round(min(self.voltage, full) / 0.004)

    def value(self, register: int) -> int:
        if register == 1:
            return self._shunt_raw
        if register == 2:
            return self._bus_raw << 3 | 2 * (self._begun and not self.busy)
        return super().value(register)


class Scd4x(I2cPart):
    """SCD4x: a measurement every 5 s, told by the lower 11 bits of the ready word, read once.

    An answer is there 1 ms after its command.
    """

    ADDRESS = 0x62
    PERIOD_S: ClassVar = 5.0
    carbon_dioxide = 800.0
    temperature = 21.5
    humidity = 45.0

    def power_on(self) -> None:
        super().power_on()
        self._answer = b""
        self._asked = self._began = 0.0

    def write(self, data: bytes) -> None:
        if data == b"\x21\xb1":
            if self._began:
                raise Nack  # it takes few commands while it measures
            self._began = self.clock()
            self.measure(self.PERIOD_S)
        elif data == b"\xe4\xb8":
            self._answer = words(0x9806 if self._began and not self.busy else 0x9800)
        elif data == b"\xec\x05":
            if not self._began or self.busy:
                raise Nack
            t = round((self.temperature + 45) / 175 * 65536)
            h = round(self.humidity / 100 * 65536)
            self._answer = words(round(self.carbon_dioxide), min(t, 65535), min(h, 65535))
            self.measure(self.PERIOD_S)
        self._asked = self.clock()

    def answer(self) -> bytes:
        if self.clock() < self._asked + 0.001:
            raise Nack
        return self.spoilt(self._answer)


def i2c_part(model: str, **values: Any) -> I2cPart:
    """A part of that model; raises ToolError for what there is no model of."""
    if model not in MODELS:
        raise ToolError(f"no I2C model {model!r}", f"there are {', '.join(MODELS)}")
    return MODELS[model](**values)


MODELS: dict[str, type[I2cPart]] = {
    "bme280": Bme280, "bmp280": Bmp280, "sht3x": Sht3x, "aht20": Aht20, "bh1750": Bh1750,
    "ads1115": Ads1115, "ina219": Ina219, "scd4x": Scd4x,
}  # fmt: skip
