"""An analog sensor with a linear output: TMP36, LM35, 0 to 10 V."""

from micropython import const

from sensors.shared.channel import Channel

USES = "adc"
_MOST = const(1_000_000_000)


def options():
    """Return the options: name -> (default, lowest, highest) or (default,)."""
    from sensors.shared.common import options

    return options(
        scale=(1.0, -_MOST, _MOST),
        offset=(0.0, -_MOST, _MOST),
        unit=("V",),
    )


class Analog(Channel):
    """A voltage times `scale` plus `offset`, in `unit`.

    scale: the factor from volts to `unit`
    offset: added to the scaled value, in `unit`
    unit: the unit of the reading
    adc, more: see sensors.shared.channel.Channel
    """

    def __init__(self, adc, scale=1.0, offset=0.0, unit="V", **more):
        super().__init__(adc, **more)
        self.scale = scale
        self.offset = offset
        self.FIELDS = (("value", unit, self.decimals),)

    def convert(self, volts):
        """Return the value in `unit`."""
        return volts * self.scale + self.offset


DRIVER = Analog
