"""Sensirion SHT30, SHT31, SHT35: temperature and humidity. Source: SHT3x-DIS datasheet, 2022."""

from micropython import const

from sensors.crc8 import crc8
from sensors.i2c import Part

USES = "i2c"
_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching, 4.3
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

    def __init__(self, bus, address=0x44):
        super().__init__(bus, address)
        self._data = bytearray(6)
        # So that a part that is not there is told at once; no command, for start() may follow, and
        # it wants 1 ms between two.
        self.write(b"")

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError."""
        self.write(_MEASURE)
        return _TIME_MS

    def read(self):
        """Return (C, %). Raises OSError while it measures, ValueError for a bad checksum."""
        data = self._data
        self.into(data)
        view = memoryview(data)
        if crc8(view[:3]) or crc8(view[3:]):
            self.wrong("bad checksum: check the wires, and that they are short")
        temperature = (data[0] << 8 | data[1]) * 17_500 // 65_535 - 4500
        return temperature / 100, (data[3] << 8 | data[4]) * 10_000 // 65_535 / 100


DRIVER = Sht3x
