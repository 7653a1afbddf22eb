"""What the programs here share: the traffic, the meters, and how they are called.

    micropython -m blocking_client MODE PORT COUNT METER

The last line printed is the figure. Everybody's loop is the same: WARM_UP operations, begin(),
COUNT operations, end(); nothing is measured but what stands between.
"""

import gc
import sys
from time import ticks_diff, ticks_us

from micropython import const

HOST = "127.0.0.1"
CLIENT_ID = "bench"
TOPIC = "bench/topic"
OTHER = "bench/other"  # subscribed to by those who shall receive nothing
PAYLOAD = b"x" * 64
WARM_UP = 16
IN_FLIGHT = 8
IDLE_MS = const(4000)


class Speed:
    """Operations a second."""

    def begin(self):
        gc.collect()
        self.began = ticks_us()

    def sent(self):
        """All was handed over; the time runs until the broker has it as well."""

    def end(self, count):
        print(count * 1_000_000 / ticks_diff(ticks_us(), self.began))


class Bytes:
    """Bytes of heap allocated per operation; nothing is given back meanwhile."""

    def __init__(self):
        self.before = self.after = 0

    def begin(self):
        gc.collect()
        gc.disable()
        self.before = gc.mem_alloc()

    def sent(self):
        self.after = gc.mem_alloc()

    def end(self, count):
        if not self.after:
            self.sent()
        print((self.after - self.before) / count)


class Nothing:
    """The program that measures does so from outside."""

    def begin(self):
        pass

    def sent(self):
        pass

    def end(self, count):
        print(count)


def ready():
    """Say that one is subscribed, and wait until the messages stand in the broker's queue."""
    print("ready")
    sys.stdin.readline()


def arguments():
    """(mode, port, count, meter) of the command line."""
    mode, port, count, name = sys.argv[1:]
    return mode, int(port), int(count), {"speed": Speed, "bytes": Bytes, "none": Nothing}[name]()


def print_modules():
    """The modules that are loaded from files or frozen code."""
    print(" ".join(sorted(sys.modules)))
