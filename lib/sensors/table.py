"""An analog input by a table of calibration: pH, pressure, a tank of any shape."""

from sensors.shared.channel import Channel
from sensors.shared.line import between

USES = "adc"


def options():
    """The options of the driver: name -> (default, least, most), (default,) or what is wanted."""
    from sensors.shared.common import options

    return options(points=(..., "points"), unit=("",))


def demands(given):
    """What the check of a config asks: the most volts at the pin."""
    return {"volts": given["points"][-2]}


class Table(Channel):
    """A value between the points of a table of volts and values, straight lines between them.

    points: [volts, value, volts, value, ...], volts rising; beyond the ends the lines go on
    unit: the unit of the values
    adc, more: see sensors.shared.channel.Channel
    """

    def __init__(self, adc, points, unit="", **more):
        super().__init__(adc, **more)
        self.points = points
        self.FIELDS = (("value", unit, self.decimals),)

    def convert(self, volts):
        """The value in `unit`."""
        return between(self.points, volts, True)


DRIVER = Table
