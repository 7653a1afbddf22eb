"""Sensirion SHT30, SHT31, SHT35: temperature and humidity. Source: SHT3x-DIS datasheet, 2022."""

from micropython import const

from sensors.shared.crc8 import crc8
from sensors.shared.i2c import Part

USES = "i2c"
_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching: section 4.3
_BREAK = b"\x30\x93"  # ends periodic measurements: section 4.8
_HEATER_OFF = b"\x30\x66"  # section 4.10; the heater adds a few degrees
_BETWEEN_MS = const(2)  # 1 ms between two commands, table 4; plus 1, as a tick is cut off
_TIME_MS = const(17)  # 15.5 ms at most, table 4; plus 1


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x44, 0x44, 0x45)}


class Sht3x(Part):
    """Temperature, -40 to 125 C, in steps of 0.01; humidity, 0 to 100 %, in steps of 0.01.

    bus: a machine.I2C
    address: 0x44, or 0x45 where ADDR is high
    """

    NAME = "sht3x"
    FIELDS = (("temperature", "C", 2), ("humidity", "%", 2))
    LIMITS = (-40, 125, 0, 100)  # tables 1 and 2

    def __init__(self, bus, address=0x44):
        super().__init__(bus, address)
        self._data = bytearray(6)
        self._left = b""  # the next command; empty when a measurement is due
        self._plain = False  # the modes that other firmware may have set are undone
        # Reports a missing part right away. Not a command: start() may follow, and the part needs
        # 1 ms between two commands.
        self.write(b"")

    def start(self):
        """Start a measurement; return the ms until the next step. Raises OSError."""
        self._left = _MEASURE if self._plain else _BREAK
        try:
            return self._step()
        except OSError:
            if not self._plain:
                raise
            self._plain = False  # it measures periodically again, or is gone
            self._left = _BREAK
            return _BETWEEN_MS

    def read(self):
        """Return (C, %), or the ms until the next step.

        Raises OSError if it is still measuring, and ValueError for a bad checksum or for values
        outside its range.
        """
        if self._left:
            return self._step()
        data = self._data
        self.into(data)
        view = memoryview(data)
        if crc8(view[:3]) or crc8(view[3:]):
            self.wrong("bad checksum: check the wires, and keep them short")
        temperature = ((data[0] << 8 | data[1]) * 17_500 + 32_767) // 65_535 - 4500
        humidity = ((data[3] << 8 | data[4]) * 10_000 + 32_767) // 65_535
        return self.within(temperature / 100, humidity / 100)

    def _step(self):
        """Send the next command; return the ms until the one after it."""
        left = self._left
        self.write(left)
        if left == _MEASURE:
            self._left = b""
            self._plain = True
            return _TIME_MS
        self._left = _HEATER_OFF if left == _BREAK else _MEASURE
        return _BETWEEN_MS


DRIVER = Sht3x
