"""The node's clock: whether it is set, and what to do when it gets the time.

node.network.ntp asks a server. On a serial line the bridge gives the time at each connection, and
every hour.
"""

import os
import sys
import time

import machine
from micropython import const

from node.overlay import call

_SET = const(1_704_067_200)  # 2024-01-01: anything earlier means that the clock isn't set
_SOON_S = const(5)  # until the first question, if the clock is set
_STEP_S = const(2)  # report a clock that is off by more
_OFTEN_S = const(3600)  # between questions, if the clock drifts, as an ESP8266's does
_SELDOM_S = const(43_200)  # if it doesn't

# Places in the list node.ntp.
_SERVER = const(0)  # name, or name:port; empty for none
_EVERY = const(1)  # s between two questions
_PAUSE = const(6)  # s of the last pause after a failure
_BEGAN = const(7)  # when the uptime was 0: found once, as clock and uptime tick apart


def begin(node, ntp):
    """Make the node ask the server `ntp` (empty for none): soon, then every few hours."""
    node.ntp = [ntp, _OFTEN_S // 2, None, None, 0, None, 0, 0]
    node.unset = not now(node.epoch)
    node.ntp_left = 0 if node.unset else _SOON_S
    if not ntp and not node.wlan:
        node.ntp_left = -1  # the bridge gives the time; see node.network.serial


def now(epoch):
    """Return the seconds since 1970, or 0 if the clock isn't set; epoch: the port's year 0."""
    seconds = int(time.time()) + epoch
    return seconds if seconds >= _SET else 0


def put(epoch, seconds):
    """Set the clock to `seconds` since 1970; epoch: the port's year 0."""
    at = time.gmtime(seconds - epoch)
    # Ports count weekdays from 0 or from 1; all take 1 to 6, and none uses it.
    machine.RTC().datetime((at[0], at[1], at[2], at[6] or 1, at[3], at[4], at[5], 0))


def told(node, seconds):
    """Take the time from someone who knows it, in s since 1970."""
    ntp = node.ntp
    off = seconds - now(node.epoch)
    every = min(ntp[_EVERY] * 2, _SELDOM_S)
    if abs(off) >= _STEP_S:
        put(node.epoch, seconds)
    if node.unset:
        ntp[_BEGAN] = ntp[_BEGAN] or seconds - node.uptime
        # If there is no memory for that, all of this is tried again.
        call("network", "stamp", "told", node, ntp[_BEGAN])
        if "node.format.compact" in sys.modules:
            call("format", "late", "told", node, ntp[_BEGAN])
        node.unset = False
    elif abs(off) > _STEP_S:
        every = _OFTEN_S
        said = "was %d s slow" if off > 0 else "was %d s fast"
        node.about["clock"] = said % abs(off)
        node.news = True
        print("Petrel: the clock", node.about["clock"])
    ntp[_EVERY] = every
    ntp[_PAUSE] = 0
    # At a different moment for each node.
    left = every - every // 8 + every // 4 * os.urandom(1)[0] // 256
    node.ntp_left = left if ntp[_SERVER] else -1
