"""What a node that sleeps has to know when it wakes, as a list of numbers in the RTC's memory.

A list has the places below; waiting readings follow it, see node.sleep.pack.
"""

import struct

from micropython import const

from node.sleep import memory

_FORMAT = const("<IIIIIIIHB6s")
_SIZE = const(37)

# Places: of every node.
BOOT = const(0)  # the number of the start, which stays the same over a sleep
COUNT = const(1)  # of readings, their seq
UPTIME = const(2)  # s, at the moment of waking
WAKES_AT = const(3)  # s since 1970; 0: the clock wasn't set
LEFT_S = const(4)  # to sleep on after that: a chip may not sleep so long in one piece
ASKED_AT = const(5)  # s since 1970 when the clock was last set right; 0: never
TOLD_AT = const(6)  # uptime in s of the last diagnostics
EVERY = const(7)  # of node.ntp
BITS = const(8)  # LOW, and behind it those outputs of sleep.keep that are on
BSSID = const(9)  # the access point to join, in bytes; zeros: none

LOW = const(1)  # the battery is low, and that was told
LOW_S = const(12_600)  # asleep with a low battery: three pieces, see node.sleep.night


def load():
    """Return (list, lines of waiting readings); None for a cold start."""
    data = memory.load()
    if len(data) < _SIZE:
        return None
    return list(struct.unpack(_FORMAT, data)), data[_SIZE:]


def store(state, lines=b""):
    """Keep the list, and lines of readings. Raises ValueError if that is too long."""
    memory.store(struct.pack(_FORMAT, *state) + lines)
