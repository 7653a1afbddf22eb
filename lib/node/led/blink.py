"""The status LED of a node: it blinks so many times, and pauses. Stays where the config has one.

Lit: the node starts, until it is connected or 20 s have passed. 2 blinks: no network; 3: no
broker; 5: safe mode. Dark: all is well.
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_START_S = const(20)
_NETWORK = const(2)
_BROKER = const(3)
_SAFE = const(5)
_LIT_MS = const(150)
_BLINK_MS = const(400)  # with the dark part
_PAUSE_MS = const(1200)
_SHOWN_MS = const(2000)  # by the command identify
_SHOWS_MS = const(100)


class Light:
    """step: the client's, which turn() calls in place of the loop

    pin: an output; lit: its level while the LED is lit
    """

    def __init__(self, node, step, pin, lit):
        self.node = node
        self.step = step
        self.pin = pin
        self.lit = lit
        self.on = True
        self.shown: "Any" = None  # until when it shows which node this is

    def value(self, on):
        """Switch it on or off, as Pin.value() does."""
        if on != self.on:
            self.on = on
            self.pin.value(on == self.lit)

    def blinks(self):
        """Return how many blinks tell how the node is; 0: dark, -1: lit."""
        node = self.node
        client = node.client
        if node.safe:
            return _SAFE
        if client.up:
            return 0
        if not client.connects and node.uptime < _START_S:
            return -1
        return _NETWORK if node.wlan and not node.wlan.isconnected() else _BROKER

    def turn(self, client=None):
        """Take the place of the client's step(); return the ms within which to call it again."""
        wait = self.step(self.node.client)
        if self.node.phase[-13:] == "/cmd/identify":  # it came in this step
            self.shown = ticks_add(ticks_ms(), _SHOWN_MS)
        if self.shown is not None:
            left = ticks_diff(self.shown, ticks_ms())
            if 0 < left <= _SHOWN_MS:
                self.value(left // _SHOWS_MS & 1 == 1)
                return min(wait, left % _SHOWS_MS + 1)
            self.shown = None
        count = self.blinks()
        if count <= 0:
            self.value(count < 0)
            return wait
        blinking = count * _BLINK_MS
        at = ticks_ms() % (blinking + _PAUSE_MS)
        if at >= blinking:
            left = blinking + _PAUSE_MS - at
            on = False
        else:
            at %= _BLINK_MS
            on = at < _LIT_MS
            left = (_LIT_MS if on else _BLINK_MS) - at
        self.value(on)
        return min(wait, left)
