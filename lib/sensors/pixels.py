"""A strip of WS2812 (NeoPixel) lights, through MicroPython's own `neopixel`."""

from sensors.shared.output import Output

USES = "bare"


def options():
    """The options of the driver: name -> (default, least, most)."""
    return {"count": (1, 1, 300)}


class Pixels(Output):
    """A strip in one colour, [red, green, blue] of 0 to 255 each; dark at the start and the end.

    pin: a machine.Pin
    count: how many lights are on the strip
    """

    FIELDS = (("colour", ""),)

    def __init__(self, pin, count=1):
        self.strip = __import__("neopixel").NeoPixel(pin, count)  # not every port has it
        self._to([0, 0, 0])

    def set(self, value):
        """Go to a colour, [red, green, blue]. Raises ValueError for anything else."""
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
