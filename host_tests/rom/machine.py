# The least of `machine` that a node needs. In a firmware it is in ROM; here it is as small as can
# be, so that the heap is the node's.
import time

PWRON_RESET = 1


class Pin:
    IN = PULL_UP = IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, *_):
        self.level = 1

    def value(self):
        return self.level

    def irq(self, handler, _):
        self.handler = handler


class ADC:
    def __init__(self, _):
        pass

    def read_uv(self):
        return 500_000 + (time.ticks_us() & 0x3FFFF)

    def read_u16(self):
        return 30_000


class RTC:
    def memory(self, *_):
        return b""


def reset_cause():
    return 1


def reset():
    raise SystemExit


soft_reset = reset


def __getattr__(name):
    if name == "SoftI2C":
        return __import__("bus").SoftI2C
    raise AttributeError(name)
