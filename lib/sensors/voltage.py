"""A voltage behind a divider of two resistors."""

from micropython import const

from sensors.shared.channel import Channel

USES = "adc"
_MOST = const(1_000_000_000)


def options():
    """Return the options: name -> (default, lowest, highest)."""
    from sensors.shared.common import options

    return options(top=(0.0, 0, _MOST), bottom=(10_000.0, 1, _MOST))


class Voltage(Channel):
    """The voltage in front of the divider.

    top: the resistor between the voltage and the pin, in ohms
    bottom: the resistor between the pin and GND, in ohms
    adc, more: see sensors.shared.channel.Channel
    """

    def __init__(self, adc, top=0.0, bottom=10_000.0, **more):
        super().__init__(adc, **more)
        self.ratio = (top + bottom) / bottom

    def convert(self, volts):
        """Return the voltage in front of the divider."""
        return volts * self.ratio


DRIVER = Voltage
