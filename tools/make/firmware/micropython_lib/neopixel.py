# Stands in for micropython-lib's `neopixel`: the port's bitstream() makes the pulses.
from machine import bitstream

_TIMING = (400, 850, 800, 450)  # ns: high and low of a 0, of a 1; WS2812B
_ORDER = (1, 0, 2)  # green, red, blue


class NeoPixel:
    def __init__(self, pin, n):
        self.pin = pin
        self.n = n
        self.buf = bytearray(3 * n)
        pin.init(pin.OUT)

    def __len__(self):
        return self.n

    def __setitem__(self, index, colour):
        for place, value in zip(_ORDER, colour):
            self.buf[3 * index + place] = value

    def __getitem__(self, index):
        return tuple(self.buf[3 * index + place] for place in _ORDER)

    def fill(self, colour):
        for index in range(self.n):
            self[index] = colour

    def write(self):
        bitstream(self.pin, 0, _TIMING, self.buf)
