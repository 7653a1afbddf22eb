"""ASAIR AHT20, AHT21: temperature and humidity. Source: AHT20 datasheet 1.1, section 5."""

from micropython import const

from sensors.shared.crc8 import crc8
from sensors.shared.i2c import Part

USES = "i2c"
_MEASURE = b"\xac\x33\x00"
_CALIBRATE = b"\xbe\x08\x00"
_CALIBRATED = const(0x08)
_HALF = const(1 << 19)
_BUSY = const(0x80)
_CALIBRATION_MS = const(11)  # 10 ms, plus 1 because a tick is cut off
_TIME_MS = const(81)  # 80 ms, plus 1


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x38, 0x38, 0x38)}


class Aht20(Part):
    """Temperature, -40 to 85 C, in steps of 0.01; humidity, 0 to 100 %, in steps of 0.01.

    bus: a machine.I2C
    address: always 0x38
    """

    NAME = "aht20"
    FIELDS = (("temperature", "C", 2), ("humidity", "%", 2))
    LIMITS = (-40, 85, 0, 100)  # tables 1 and 2

    def __init__(self, bus, address=0x38):
        super().__init__(bus, address)
        self._data = bytearray(7)
        self._begun = 0
        self.into(self._data)  # reports a missing part right away

    def start(self):
        """Start a measurement, or a calibration if it needs one; return the ms that takes.

        Raises OSError.
        """
        self.into(self._data)
        self._begun = self._data[0] & _CALIBRATED
        self.write(_MEASURE if self._begun else _CALIBRATE)
        return _TIME_MS if self._begun else _CALIBRATION_MS

    def read(self):
        """Return (C, %), or the ms to wait after a calibration.

        Raises ValueError if the part is still measuring or lost power, for a bad checksum, and for
        values outside its range.
        """
        data = self._data
        if not self._begun:
            ms = self.start()
            if not self._begun:
                self.wrong("it doesn't calibrate itself; switch its power off and on")
            return ms
        self.into(data)
        if data[0] & _BUSY:
            self.wrong("still measuring after %d ms" % _TIME_MS)
        if crc8(data):
            self.wrong("bad checksum: check the wires, and keep them short")
        if not data[0] & _CALIBRATED:
            self.wrong("it lost its power while it measured")
        humidity = data[1] << 12 | data[2] << 4 | data[3] >> 4
        temperature = (data[3] & 15) << 16 | data[4] << 8 | data[5]
        return self.within(
            ((temperature * 20_000 + _HALF >> 20) - 5000) / 100,
            (humidity * 10_000 + _HALF >> 20) / 100,
        )


DRIVER = Aht20
