"""TI ADS1115: four analog inputs of 16 bit. Source: SBAS444E, 8.1 and 8.5."""

from micropython import const

from sensors.shared.i2c import Part
from sensors.shared.steps import decimals

USES = "i2c"
_MOST = const(1_000_000_000)
_CONVERSION = const(0)
_CONFIG = const(1)
_TIME_MS = const(10)  # at 128 samples a second, by a clock that may be 10 % slow; and one
_TRIES = const(10)  # of other channels that may be before us
_RANGES = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256)


def options():
    """The options of the driver: name -> (default, least, most) or (default, choices)."""
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
    address: by what ADDR is wired to, see the datasheet
    channel: 0 to 3, or "0-1", "2-3" for the difference of two
    range: volts at full scale; no input may exceed the supply by more than 0.3 V
    scale: the factor from volts to `unit`
    offset: what to add after that, in `unit`
    unit: the unit of the reading
    least: the least that the sensor at the input can measure; a value below is an error
    most: the most that the sensor at the input can measure; a value above is an error

    Several sensors may share a part, each with a channel of its own.
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
        # Begin, input, range, one measurement; 128 a second, no comparator. The comparator's mode
        # does nothing, but is another than after power-on.
        self._begin = bytes((0x81 | inputs << 4 | _RANGES.index(range) << 1, 0x93))
        self._volt = range / 32_768
        self.scale = scale
        self.offset = offset
        self.LIMITS = (least, most)
        step = decimals(abs(self._volt * scale))
        self.FIELDS = (("voltage" if unit == "V" else "value", unit, step),)
        self._data = bytearray(2)
        self._tries = 0
        self.get(_CONFIG, self._data)  # so that a part that is not there is told at once

    def start(self):
        """Begin a measurement, if no other channel measures; returns the ms. Raises OSError."""
        self._tries = _TRIES
        self._start()
        return _TIME_MS

    def read(self):
        """Return (value,), or ms if another channel was before it, or it lost its power.

        Raises ValueError while it measures, at the ends of the range, and for a voltage that would
        destroy it.
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
        # 7.1: an input takes -0.3 V to 0.3 V above the supply, which is 5.5 V at most. The rest is
        # the error of gain and offset.
        if volts > 5.82 or volts < -0.31 and self._begin[0] & 0x40:
            self.wrong("%.3f V, but an input takes -0.3 V to 5.8 V" % volts)
        return self.within(float("%.5g" % (volts * self.scale + self.offset)))

    def _start(self):
        # While it measures it would take our input into its register, but not measure it: so the
        # register, written at rest only, tells of which channel the result is. Other firmware may
        # have left it measuring without end, though (bit 0 is 0).
        if self.get(_CONFIG, self._data)[0] & 0x81 != 1:
            self.put(_CONFIG, self._begin)


DRIVER = Ads1115
