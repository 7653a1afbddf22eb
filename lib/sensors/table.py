"""An analog input by a table of calibration: pH, pressure, a tank of any shape."""

from sensors.channel import Channel

USES = "adc"


def options():
    """The options of the driver: name -> (default, least, most), (default,) or what is wanted."""
    from sensors.common import options

    return options(points=(..., "points"), unit=("",))


class Table(Channel):
    """A value between the points of a table of volts and values, straight lines between them.

    points: [volts, value, volts, value, ...], volts rising; beyond the ends the lines go on
    adc and the options in `more`: see sensors.channel.Channel
    """

    def __init__(self, adc, points, unit="", **more):
        super().__init__(adc, **more)
        self.points = points
        self.FIELDS = (("value", unit),)

    def convert(self, volts):
        """The value in `unit`."""
        return between(self.points, volts, True)


def between(points, x, beyond=False):
    """The value at x of a line through points [x, y, x, y, ...], x rising; two points or more.

    beyond: outside of the points go on as between the two nearest; else stay at the last value
    """
    last = len(points) - 2
    if not beyond:
        x = min(max(x, points[0]), points[last])
    i = 2
    while i < last and points[i] < x:
        i += 2
    x0, y0, x1, y1 = points[i - 2 : i + 2]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


DRIVER = Table
