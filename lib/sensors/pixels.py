"""A strip of WS2812 (NeoPixel) lights, through MicroPython's `neopixel` module."""

from sensors.shared.output import Output

USES = "bare"


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"count": (1, 1, 300)}


class Pixels(Output):
    """A strip in one colour: [red, green, blue], 0 to 255 each. It starts and ends dark.

    pin: a machine.Pin
    count: how many lights are on the strip
    """

    FIELDS = (("colour", ""),)

    def __init__(self, pin, count=1):
        self.strip = __import__("neopixel").NeoPixel(pin, count)  # not on every port
        self._to([0, 0, 0])

    def set(self, value):
        """Show a colour, [red, green, blue]. Raises ValueError for anything else."""
        good = isinstance(value, (list, tuple)) and len(value) == 3
        for each in value if good else ():
            good = good and isinstance(each, int) and 0 <= each <= 255
        if not good:
            raise ValueError("value: %r; [red, green, blue], each from 0 to 255" % (value,))
        self._to(list(value))

    def close(self):
        """Go dark."""
        self._to([0, 0, 0])

    def _to(self, colour):
        self.strip.fill(tuple(colour))
        self.strip.write()
        self.went(colour)


DRIVER = Pixels
