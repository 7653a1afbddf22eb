"""A voltage through a divider of two resistors."""

from micropython import const

from sensors.shared.channel import Channel

USES = "adc"
_MOST = const(1_000_000_000)


def options():
    """The options of the driver: name -> (default, least, most)."""
    from sensors.shared.common import options

    return options(top=(0.0, 0, _MOST), bottom=(10_000.0, 1, _MOST))


class Voltage(Channel):
    """The voltage before a divider.

    top: ohms between the voltage and the pin
    bottom: ohms between the pin and GND
    adc, more: see sensors.shared.channel.Channel
    """

    def __init__(self, adc, top=0.0, bottom=10_000.0, **more):
        super().__init__(adc, **more)
        self.ratio = (top + bottom) / bottom

    def convert(self, volts):
        """Volts before the divider."""
        return volts * self.ratio


DRIVER = Voltage
