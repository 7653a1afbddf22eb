"""The clock of the node: whether it is set, and what is done when somebody tells the time.

node.network.ntp asks a server; the bridge of a serial line tells the time at each connection, and
every hour.
"""

import os
import time

import machine
from micropython import const

from node.overlay import call

_SET = const(1_704_067_200)  # 2024-01-01: an earlier time means that nobody set the clock
_SOON_S = const(5)  # to the first question where the clock is set
_STEP_S = const(2)  # a clock that is off by more is told
_OFTEN_S = const(
    3600
)  # from one question to the next where the clock drifts, as an ESP8266's does
_SELDOM_S = const(43_200)  # where it does not

# Of what is remembered, in node.ntp.
_SERVER = const(0)  # name, or name:port; empty for none
_EVERY = const(1)  # s from one question to the next
_PAUSE = const(6)  # s of the last pause after a failure
_BEGAN = const(7)  # when the uptime was 0: once, for seconds of clock and uptime begin apart


def begin(node, ntp):
    """Have the node ask `ntp`, a server, empty for none: soon, and then every so many hours."""
    node.ntp = [ntp, _OFTEN_S // 2, None, None, 0, None, 0, 0]
    node.unset = not now(node.epoch)
    node.ntp_left = 0 if node.unset else _SOON_S
    if not ntp and not node.wlan:
        node.ntp_left = -1  # the bridge tells the time; see node.network.serial


def now(epoch):
    """Seconds since 1970, or 0 while the clock is not set; epoch: where the port begins."""
    seconds = int(time.time()) + epoch
    return seconds if seconds >= _SET else 0


def put(epoch, seconds):
    """Set the clock to `seconds` since 1970; epoch: where the port begins."""
    at = time.gmtime(seconds - epoch)
    # Ports count the days of the week from 0 or from 1; all take 1 to 6, and none goes by it.
    machine.RTC().datetime((at[0], at[1], at[2], at[6] or 1, at[3], at[4], at[5], 0))


def told(node, seconds):
    """Somebody who knows says what time it is, in s since 1970."""
    ntp = node.ntp
    off = seconds - now(node.epoch)
    every = min(ntp[_EVERY] * 2, _SELDOM_S)
    if abs(off) >= _STEP_S:
        put(node.epoch, seconds)
    if node.unset:
        ntp[_BEGAN] = ntp[_BEGAN] or seconds - node.uptime
        # Where there is no memory for that, all of this is tried again.
        call("network", "stamp", "told", node, ntp[_BEGAN])
        node.unset = False
    elif abs(off) > _STEP_S:
        every = _OFTEN_S
        said = "was %d s slow" if off > 0 else "was %d s fast"
        node.about["clock"] = said % abs(off)
        node.news = True
        print("Petrel: the clock", node.about["clock"])
    ntp[_EVERY] = every
    ntp[_PAUSE] = 0
    # At another moment for each node.
    left = every - every // 8 + every // 4 * os.urandom(1)[0] // 256
    node.ntp_left = left if ntp[_SERVER] else -1
