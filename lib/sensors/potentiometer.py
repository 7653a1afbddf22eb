"""A potentiometer, or any other input reported as a percentage of its range."""

from sensors.shared.channel import Channel
from sensors.shared.ends import end

USES = "adc"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    from sensors.shared.common import options

    return options(supply=(3.3, 0.1, 30), decimals=(0, 0, 6))


def demands(given):
    """Tell the config check the highest voltage at the pin."""
    return {"volts": given["supply"]}


class Potentiometer(Channel):
    """Position, 0 to 100 %. An ESP32's ADC sees 0.15 to 3.05 V: less is 0 %, more is 100 %.

    supply: the voltage across the potentiometer
    adc, more: see sensors.shared.channel.Channel
    """

    FIELDS = (("position", "%"),)
    STATE = True
    WHOLE = False

    def __init__(self, adc, supply=3.3, decimals=0, **more):
        super().__init__(adc, decimals=decimals, **more)
        self.supply = supply

    def convert(self, volts):
        """Return the position. Raises ValueError for more than the supply."""
        if volts > 1.1 * self.supply:
            what = volts, self.supply
            raise ValueError("%.3f V at the wiper is more than its supply, %g V" % what)
        at = end(self.adc, volts, self.supply)
        return 50 + 50 * at if at else 100 * volts / self.supply


DRIVER = Potentiometer
