"""A 4 to 20 mA current loop, measured across a resistor."""

from micropython import const

from sensors.shared.channel import Channel
from sensors.shared.ends import end

USES = "adc"
_MOST = const(1_000_000_000)


def options():
    """Return the options: name -> (default, lowest, highest) or (default,)."""
    from sensors.shared.common import options

    return options(
        shunt=(120.0, 1, 1000),
        low=(0.0, -_MOST, _MOST),
        high=(100.0, -_MOST, _MOST),
        unit=("%",),
    )


def demands(given):
    """Tell the config check the highest voltage at the pin."""
    return {"volts": 0.021 * given["shunt"]}


class Loop(Channel):
    """The transmitter's value: `low` at 4 mA, `high` at 20 mA, in `unit`.

    shunt: the resistor from the pin to GND, in ohms; 20 mA through 120 ohms makes 2.4 V, and an
    ESP32 is accurate up to 2.45 V
    low: the value at 4 mA, in `unit`
    high: the value at 20 mA, in `unit`
    unit: the unit of the reading
    adc, more: see sensors.shared.channel.Channel
    """

    WHOLE = False

    def __init__(self, adc, shunt=120.0, low=0.0, high=100.0, unit="%", **more):
        super().__init__(adc, **more)
        self.shunt = shunt
        self.low = low
        self.high = high
        self.FIELDS = (("value", unit, self.decimals),)

    def convert(self, volts):
        """Return the value. Raises ValueError outside 3.6 to 21 mA: a fault, says NAMUR NE 43."""
        milliamperes = volts / self.shunt * 1000
        if milliamperes < 3.6:
            raise ValueError("%.1f mA: the loop is open, or has no power" % milliamperes)
        if milliamperes > 21 or end(self.adc, volts, self.reference) > 0:
            raise ValueError("%.1f mA: the transmitter reports a fault" % milliamperes)
        return self.low + (self.high - self.low) * (milliamperes - 4) / 16


DRIVER = Loop
