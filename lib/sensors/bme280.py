"""Bosch BME280: temperature, pressure, humidity; and BMP280, which has no humidity.

Source: BST-BME280-DS002 and BST-BMP280-DS001. The arithmetic is that of sections 4.2.3 and 3.11.3,
in whole numbers, because a board's floats are too short for it.
"""

import struct

from micropython import const

from sensors.shared.i2c import Part

USES = "i2c"
_BME = const(0x60)
_BMP = const((0x58, 0x57, 0x56))
_CALIBRATION = const(0x88)
_CALIBRATION_H = const(0xE1)
_ID = const(0xD0)
_CTRL_HUM = const(0xF2)
_STATUS = const(0xF3)
_CTRL_MEAS = const(0xF4)
_CONFIG = const(0xF5)
_DATA = const(0xF7)
_FORCED_ALL_ONCE = const(b"\x25")  # temperature and pressure once, then sleep
_IM_UPDATE = const(1)  # it is loading its calibration, section 5.4.4
_MEASURING = const(8)
_TIME_MS = const(11)  # 9.3 ms at most for all three, appendix B


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x76, 0x76, 0x77)}


class Bme280(Part):
    """Temperature, -40 to 85 C in steps of 0.01; pressure, 300 to 1100 hPa in steps of 0.01;
    humidity, 0 to 100 % in steps of 0.01.

    bus: a machine.I2C
    address: 0x76, or 0x77 where SDO is high

    Raises OSError if nothing answers, and ValueError if another part does.
    """

    NAME = "bme280"
    FIELDS: tuple = (("temperature", "C", 2), ("pressure", "hPa", 2), ("humidity", "%", 2))
    LIMITS: tuple = (-40, 85, 300, 1100, 0, 100)  # tables 1 to 4

    def __init__(self, bus, address=0x76):
        super().__init__(bus, address)
        self._byte = bytearray(1)
        kind = self.get(_ID, self._byte)[0]
        if kind in _BMP:
            self.FIELDS, self.LIMITS = self.FIELDS[:2], self.LIMITS[:4]
        elif kind != _BME:
            self.wrong("chip id 0x%02x; this is no BME280 or BMP280" % kind)
        self._t: tuple = ()  # the calibration
        self._good = False  # the last reading was good
        self._h: tuple = ()
        self._data = bytearray(8 if kind == _BME else 6)

    def start(self):
        """Start a measurement; return the ms it takes.

        Raises ValueError while the calibration isn't ready.
        """
        # After a loss of power it has forgotten its settings, and may be another part.
        if not self._good or not self.get(_CTRL_MEAS, self._byte)[0] & 0xFC:
            self._calibrate()
        self._good = False
        if self._h:
            self.put(_CTRL_HUM, b"\x01")
        self.put(_CTRL_MEAS, _FORCED_ALL_ONCE)
        return _TIME_MS

    def read(self):
        """Return (C, hPa, %), or (C, hPa) from a BMP280.

        Raises ValueError if it is still measuring, and for values outside its range.
        """
        if self.get(_STATUS, self._byte)[0] & _MEASURING:
            self.wrong("still measuring after %d ms" % _TIME_MS)
        data = self.get(_DATA, self._data)
        pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
        temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
        humidity = data[6] << 8 | data[7] if self._h else 0
        if temperature in (0, 0x80000) or pressure == 0x80000 or humidity == 0x8000:
            self.wrong("nothing was measured; it may have lost its power")
        fine = self._fine(temperature)
        celsius = (fine * 5 + 128 >> 8) / 100
        hectopascals = (self._pascals(pressure, fine) + 128 >> 8) / 100
        found: tuple = (celsius, hectopascals)
        if self._h:
            found += (self._humidity(humidity, fine) * 100 // 1024 / 100,)
        self.within(*found)
        self._good = True
        return found

    def _calibrate(self):
        """Read the calibration, which isn't ready in the first 2 ms after power-on."""
        if self.get(_STATUS, self._byte)[0] & _IM_UPDATE:
            self.wrong("its calibration is not ready, it was just switched on")
        # Other firmware may have left it in continuous mode, with a filter.
        self.put(_CTRL_MEAS, b"\x00")
        self.put(_CONFIG, b"\x00")
        t = struct.unpack("<HhhHhhhhhhhh", self.get(_CALIBRATION, bytearray(24)))
        good = 0 < t[0] < 0xFFFF and 0 < t[3] < 0xFFFF and t[1] not in (0, -1)
        if len(self._data) == 8:
            h1 = self.get(0xA1, self._byte)[0]
            h2, h3, e4, e5, e6, h6 = struct.unpack(
                "<hBbBbb", self.get(_CALIBRATION_H, bytearray(7))
            )
            self._h = (h1, h2, h3, e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4, h6)
            good = good and h2 not in (0, -1)
        if not good:
            self.wrong("its calibration is empty")
        self._t = t

    def _fine(self, raw):
        t1, t2, t3 = self._t[:3]
        one = ((raw >> 3) - (t1 << 1)) * t2 >> 11
        two = ((raw >> 4) - t1) * ((raw >> 4) - t1) >> 12
        return one + (two * t3 >> 14)

    def _pascals(self, raw, fine):
        """Return the pressure in 1/256 Pa."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self._t[3:]
        one = fine - 128_000
        two = one * one * p6 + (one * p5 << 17) + (p4 << 35)
        one = (one * one * p3 >> 8) + (one * p2 << 12)
        one = ((1 << 47) + one) * p1 >> 33
        if not one:
            self.wrong("its calibration is empty")
        p = ((1_048_576 - raw << 31) - two) * 3125 // one
        one = p9 * (p >> 13) * (p >> 13) >> 25
        two = p8 * p >> 19
        return (p + one + two >> 8) + (p7 << 4)

    def _humidity(self, raw, fine):
        """Return the relative humidity in 1/1024 %."""
        h1, h2, h3, h4, h5, h6 = self._h
        x = fine - 76_800
        y = (raw << 14) - (h4 << 20) - h5 * x + 16_384 >> 15
        z = ((x * h6 >> 10) * ((x * h3 >> 11) + 32_768) >> 10) + 2_097_152
        x = y * (z * h2 + 8192 >> 14)
        x -= ((x >> 15) * (x >> 15) >> 7) * h1 >> 4
        return min(max(x, 0), 419_430_400) >> 12


DRIVER = Bme280
