"""TI ADS1115: four analog inputs of 16 bit. Source: TI SBAS444E, sections 8.1 and 8.5."""

from micropython import const

from sensors.shared.i2c import Part
from sensors.shared.steps import decimals

USES = "i2c"
_MOST = const(1_000_000_000)
_CONVERSION = const(0)
_CONFIG = const(1)
_TIME_MS = const(10)  # 8 ms at 128 samples a second; the clock may be 10 % slow; plus 1
_TRIES = const(10)  # for as many times other channels may go first
_RANGES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "address": (0x48, 0x48, 0x4B),
        "channel": (0, (0, 1, 2, 3, "0-1", "2-3")),
        "range": (4.096, _RANGES),
        "scale": (1.0, -_MOST, _MOST),
        "offset": (0.0, -_MOST, _MOST),
        "unit": ("V",),
        "least": (-1e9, -_MOST, _MOST),
        "most": (1e9, -_MOST, _MOST),
    }


class Ads1115(Part):
    """A voltage times `scale` plus `offset`, in `unit`; each measurement takes 8 ms.

    bus: a machine.I2C
    address: depends on what ADDR is wired to; see the datasheet
    channel: the input, 0 to 3; "0-1" or "2-3" measures the difference of two
    range: volts at full scale; no input may exceed the supply by more than 0.3 V
    scale: the factor from volts to `unit`
    offset: added to the scaled value, in `unit`
    unit: the unit of the reading
    least: the lowest value that the sensor can measure; anything below is an error
    most: the highest value that the sensor can measure; anything above is an error

    Several sensors can share one ADS1115, each with its own channel.
    """

    NAME = "ads1115"

    def __init__(
        self, bus, address=0x48, channel=0, range=4.096, scale=1.0, offset=0.0, unit="V",
        least=-_MOST, most=_MOST,
    ):  # fmt: skip
        super().__init__(bus, address)
        inputs = {"0-1": 0, "2-3": 3}.get(channel)
        if inputs is None:
            inputs = 4 + channel
        # Start, input, range, single shot; 128 samples a second, comparator off. The comparator's
        # mode has no effect, but differs from its value at power-on, so a reset shows.
        self._begin = bytes((0x81 | inputs << 4 | _RANGES.index(range) << 1, 0x93))
        self._volt = range / 32_768
        self.scale = scale
        self.offset = offset
        self.LIMITS = (least, most)
        step = decimals(abs(self._volt * scale))
        self.FIELDS = (("voltage" if unit == "V" else "value", unit, step),)
        self._data = bytearray(2)
        self._tries = 0
        self.get(_CONFIG, self._data)  # reports a missing part right away

    def start(self):
        """Start a measurement unless another channel is busy; return the ms. Raises OSError."""
        self._tries = _TRIES
        self._start()
        return _TIME_MS

    def read(self):
        """Return (value,), or the ms to wait if another channel went first or the power was lost.

        Raises ValueError if the part is still measuring, at the ends of the range, and for a
        voltage that would damage the input.
        """
        data = self.get(_CONFIG, self._data)
        if (data[0] | 0x80) != self._begin[0] or data[1] != self._begin[1]:
            if not self._tries:
                self.wrong("other channels leave no time for it; read them less often")
            self._tries -= 1
            self._start()
            return _TIME_MS
        if not data[0] & 0x80:
            self.wrong("still measuring after %d ms" % _TIME_MS)
        self.get(_CONVERSION, data)
        raw = data[0] << 8 | data[1]
        if raw in (0x7FFF, 0x8000):
            self.wrong("at the end of its range, %s V; set a larger one" % (self._volt * 32_768))
        volts = (raw - ((raw & 0x8000) << 1)) * self._volt
        # Section 7.1: an input takes -0.3 V to 0.3 V above the supply, which is 5.5 V at most. The
        # rest allows for the error of gain and offset.
        if volts > 5.82 or volts < -0.31 and self._begin[0] & 0x40:
            self.wrong("%.3f V, but an input takes -0.3 V to 5.8 V" % volts)
        return self.within(float("%.5g" % (volts * self.scale + self.offset)))

    def _start(self):
        # A busy part would store our input in its register without measuring it. We write only
        # while it rests, so the register always says which channel the result belongs to. The
        # exception: other firmware may have left it measuring continuously (bit 0 is 0).
        if self.get(_CONFIG, self._data)[0] & 0x81 != 1:
            self.put(_CONFIG, self._begin)


DRIVER = Ads1115
