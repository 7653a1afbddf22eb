"""ADXL345 as a tilt sensor. Source: ADXL345 datasheet, Rev. G, register map."""

import struct
from math import atan2, degrees

from sensors.shared.i2c import Part

USES = "i2c"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x53, 0x1D, 0x53)}


class Tilt(Part):
    """Tilt from the horizontal, -90 to 90 degrees, in steps of 0.1; noise of about 0.3."""

    NAME = "tilt"
    FIELDS = (("tilt", "deg", 1),)

    def __init__(self, bus, address=0x53):
        super().__init__(bus, address)
        if self.get(0x00, bytearray(1)) != b"\xe5":
            self.wrong("no ADXL345")
        self._data = bytearray(6)

    def start(self):
        """Start a measurement; return the ms it takes."""
        self.put(0x2D, b"\x08")
        return 12

    def read(self):
        """Return (degrees,)."""
        x, y, z = struct.unpack("<hhh", self.get(0x32, self._data))
        if not (x or y or z):
            self.wrong("it measures nothing; it lost its power")
        return (float("%.1f" % degrees(atan2(x, (y * y + z * z) ** 0.5))),)


DRIVER = Tilt
