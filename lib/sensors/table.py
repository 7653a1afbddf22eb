"""An analog input with a calibration table: pH, pressure, a tank of any shape."""

from sensors.shared.channel import Channel
from sensors.shared.line import between

USES = "adc"


def options():
    """Return the options: name -> (default, lowest, highest), (default,) or what is wanted."""
    from sensors.shared.common import options

    return options(points=(..., "points"), unit=("",))


def demands(given):
    """Tell the config check the highest voltage at the pin."""
    return {"volts": given["points"][-2]}


class Table(Channel):
    """A value looked up in a table of volts and values, with straight lines between its points.

    points: [volts, value, volts, value, ...], volts rising; the lines go on beyond the ends
    unit: the unit of the values
    adc, more: see sensors.shared.channel.Channel
    """

    def __init__(self, adc, points, unit="", **more):
        super().__init__(adc, **more)
        self.points = points
        self.FIELDS = (("value", unit, self.decimals),)

    def convert(self, volts):
        """Return the value in `unit`."""
        return between(self.points, volts, True)


DRIVER = Table
