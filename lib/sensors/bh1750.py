"""ROHM BH1750FVI: light. Source: BH1750FVI technical note 11046EDT01."""

from micropython import const

from sensors.shared.i2c import Part

USES = "i2c"
_ONCE = b"\x20"  # one measurement with a resolution of 1 lx, then power down
# Power on, and the sensitivity of then, 69, in two commands: other firmware may have changed it.
_PREPARE = b"\x01\x42\x65"
_TIME_MS = const(181)  # 180 at most, page 2; plus one, as a tick is cut off


def options():
    """The options of the driver: name -> (default, least, most)."""
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
        self._dark = False  # it has said so, and is asked once more
        for i in range(3):  # so that a part that is not there is told at once, too
            self.write(_PREPARE[i : i + 1])

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError."""
        self._dark = False
        self.write(_ONCE)
        return _TIME_MS

    def read(self):
        """Return (lx,), or the ms of a second measurement where the first one found no light.

        Raises ValueError at the end of the range: there it is too bright; OSError if the 0 of the
        dark is that of a bus that is stuck.
        """
        self.into(self._data)
        raw = self._data[0] << 8 | self._data[1]
        if raw == 0xFFFF:
            self.wrong("too bright, more than 54612 lx")
        if not raw:
            self.held()
            if not self._dark:  # 0 is also what it has after its power was off
                ms = self.start()
                self._dark = True
                return ms
        return ((raw * 100 + 6) // 12 / 10,)  # 1.2 to a lux


DRIVER = Bh1750
