"""TI INA219: voltage, current and power of a supply. Source: SBOS448G, section 8.6."""

from micropython import const

from sensors.shared.i2c import Part
from sensors.shared.steps import decimals

USES = "i2c"
_CONFIG = const(0)
_SHUNT = const(1)
_BUS = const(2)
_ONCE = b"\x39\x9b"  # 32 V, 320 mV, 12 bits; measure bus and shunt once
_TIME_MS = const(3)  # 1.17 ms at most for both; plus 1 because a tick is cut off


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x40, 0x40, 0x4F), "shunt": (0.1, 0.0001, 10)}


class Ina219(Part):
    """Voltage, 0 to 26 V in steps of 0.004; current, up to 3.2 A in steps of 0.0001 with a shunt
    of 0.1 ohm; power, their product.

    bus: a machine.I2C
    address: depends on what A0 and A1 are wired to; see the datasheet
    shunt: the resistance of the shunt, in ohms
    """

    NAME = "ina219"
    FIELDS: tuple = (("voltage", "V", 3), ("current", "A"), ("power", "W"))
    LIMITS = (0, 26)  # section 7.3; the shunt's voltage limits the current

    def __init__(self, bus, address=0x40, shunt=0.1):
        super().__init__(bus, address)
        self.shunt = shunt
        fine = decimals(1e-5 / shunt)
        self.FIELDS = (self.FIELDS[0], ("current", "A", fine), ("power", "W", fine))
        self._data = bytearray(2)
        self.start()

    def start(self):
        """Start a measurement; return the ms it takes. Raises OSError."""
        self.put(_CONFIG, _ONCE)
        return _TIME_MS

    def read(self):
        """Return (V, A, W). Raises ValueError if it is still measuring, or over its range."""
        data = self.get(_BUS, self._data)
        if not data[1] & 2:
            self.wrong("still measuring after %d ms" % _TIME_MS)
        volts = (data[0] << 5 | data[1] >> 3) * 4 / 1000
        self.get(_SHUNT, data)
        raw = data[0] << 8 | data[1]
        raw -= (raw & 0x8000) << 1
        if abs(raw) >= 32_000:
            self.wrong("more than 320 mV at the shunt; use one of less than %g ohms" % self.shunt)
        amperes = raw / 100_000 / self.shunt
        return self.within(volts, float("%.4g" % amperes), float("%.4g" % (volts * amperes)))


DRIVER = Ina219
