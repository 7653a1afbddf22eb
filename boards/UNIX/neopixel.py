# Replaces MicroPython's `neopixel`; the bench shows the lights.
from bench import ask


class NeoPixel:
    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.buf = [(0, 0, 0)] * n

    def __len__(self):
        return self.n

    def __setitem__(self, i, value):
        self.buf[i] = value

    def __getitem__(self, i):
        return self.buf[i]

    def fill(self, value):
        self.buf = [value] * self.n

    def write(self):
        ask("pixels", self.pin.id, bytes([each for light in self.buf for each in light]).hex())
