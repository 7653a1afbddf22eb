"""ASAIR AHT20, AHT21: temperature and humidity. Source: AHT20 datasheet, version 1.1, 5."""

from micropython import const

from sensors.shared.crc8 import crc8
from sensors.shared.i2c import Part

USES = "i2c"
_MEASURE = b"\xac\x33\x00"
_CALIBRATE = b"\xbe\x08\x00"
_CALIBRATED = const(0x08)
_HALF = const(1 << 19)
_BUSY = const(0x80)
_CALIBRATION_MS = const(11)  # 10, and one
_TIME_MS = const(81)  # 80, plus one, as a tick is cut off


def options():
    """The options of the driver: name -> (default, least, most)."""
    return {"address": (0x38, 0x38, 0x38)}


class Aht20(Part):
    """Temperature, -40 to 85 C, in steps of 0.01; humidity, 0 to 100 %, in steps of 0.01.

    bus: a machine.I2C
    address: 0x38; the part has no other
    """

    NAME = "aht20"
    FIELDS = (("temperature", "C", 2), ("humidity", "%", 2))
    LIMITS = (-40, 85, 0, 100)  # tables 1 and 2

    def __init__(self, bus, address=0x38):
        super().__init__(bus, address)
        self._data = bytearray(7)
        self._begun = 0
        self.into(self._data)  # so that a part that is not there is told at once

    def start(self):
        """Begin a measurement, or have it calibrate itself first; returns the ms it takes.

        Raises OSError.
        """
        self.into(self._data)
        self._begun = self._data[0] & _CALIBRATED
        self.write(_MEASURE if self._begun else _CALIBRATE)
        return _TIME_MS if self._begun else _CALIBRATION_MS

    def read(self):
        """Return (C, %), or ms after a calibration.

        Raises ValueError while it measures, for a bad checksum, if it lost its power, and for what
        it cannot measure.
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
