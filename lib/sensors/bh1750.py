"""ROHM BH1750FVI: light. Source: technical note 11046EDT01."""

from micropython import const

from sensors.shared.i2c import Part

USES = "i2c"
_ONCE = b"\x20"  # one measurement with a resolution of 1 lx, then power down
# Power on, then the default sensitivity, 69, in two commands: other firmware may have changed it.
_PREPARE = b"\x01\x42\x65"
_TIME_MS = const(181)  # 180 ms at most, page 2; plus 1 because a tick is cut off


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x23, 0x23, 0x5C)}


class Bh1750(Part):
    """Illuminance, 0 to 54612 lx, in steps of 0.8.

    bus: a machine.I2C
    address: 0x23, or 0x5C where ADDR is high
    """

    NAME = "bh1750"
    FIELDS = (("illuminance", "lx", 1),)

    def __init__(self, bus, address=0x23):
        super().__init__(bus, address)
        self._data = bytearray(2)
        self._dark = False  # it read 0 once, and is measuring again
        for i in range(3):  # also reports a missing part right away
            self.write(_PREPARE[i : i + 1])

    def start(self):
        """Start a measurement; return the ms it takes. Raises OSError."""
        self._dark = False
        self.write(_ONCE)
        return _TIME_MS

    def read(self):
        """Return (lx,), or the ms of a second measurement if the first one found no light.

        Raises ValueError if it is too bright to measure, and OSError if the bus is stuck, which
        looks like darkness.
        """
        self.into(self._data)
        raw = self._data[0] << 8 | self._data[1]
        if raw == 0xFFFF:
            self.wrong("too bright, more than 54612 lx")
        if not raw:
            self.held()
            if not self._dark:  # it also reads 0 after a loss of power
                ms = self.start()
                self._dark = True
                return ms
        return ((raw * 100 + 6) // 12 / 10,)  # 1.2 counts per lux


DRIVER = Bh1750
