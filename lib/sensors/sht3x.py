"""Sensirion SHT30, SHT31, SHT35: temperature and humidity. Source: SHT3x-DIS datasheet, 2022."""

from micropython import const

from sensors.crc8 import crc8
from sensors.i2c import Part

USES = "i2c"
_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching, 4.3
_BREAK = b"\x30\x93"  # ends periodic measurements, 4.8
_BETWEEN_MS = const(2)  # 1 between two commands, table 4; and one, for a tick is cut off
_TIME_MS = const(17)  # 15.5 ms at most, table 4; and one, for a tick is cut off


def options():
    """The options of the driver: name -> (default, least, most)."""
    return {"address": (0x44, 0x44, 0x45)}


class Sht3x(Part):
    """Temperature, -40 to 125 C, in steps of 0.01; humidity, 0 to 100 %, in steps of 0.01.

    bus: a machine.I2C; address: 0x44, or 0x45 where ADDR is high
    """

    NAME = "sht3x"
    FIELDS = (("temperature", "C", 2), ("humidity", "%", 2))
    LIMITS = (-40, 125, 0, 100)  # tables 1 and 2

    def __init__(self, bus, address=0x44):
        super().__init__(bus, address)
        self._data = bytearray(6)
        self._left = b""  # what has to be said before there is a measurement
        # So that a part that is not there is told at once; no command, for start() may follow, and
        # it wants 1 ms between two.
        self.write(b"")

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError."""
        try:
            self.bus.writeto(self.address, _MEASURE)
        except (
            OSError
        ):  # it refuses while it measures by itself, as other firmware may have left it
            self._left = _BREAK
            return _BETWEEN_MS
        self._left = b""
        return _TIME_MS

    def read(self):
        """Return (C, %), or the ms until the next step where it had to be told to stop.

        Raises OSError while it measures, ValueError for a bad checksum and for what it cannot
        measure.
        """
        left, self._left = self._left, b""
        if left:
            self.write(left)
            self._left = _MEASURE if left == _BREAK else b""
            return _BETWEEN_MS if self._left else _TIME_MS
        data = self._data
        self.into(data)
        view = memoryview(data)
        if crc8(view[:3]) or crc8(view[3:]):
            self.wrong("bad checksum: check the wires, and that they are short")
        temperature = ((data[0] << 8 | data[1]) * 17_500 + 32_767) // 65_535 - 4500
        humidity = ((data[3] << 8 | data[4]) * 10_000 + 32_767) // 65_535
        return self.within(temperature / 100, humidity / 100)


DRIVER = Sht3x
