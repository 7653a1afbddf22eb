"""A debounced digital input: button, contact, motion detector.

An interrupt notes the time of each edge. A level counts once there has been no edge for
`debounce_ms`. So contacts may bounce for as long as they like, glitches are ignored, and the pin
isn't polled while nothing happens.
"""

from time import ticks_diff, ticks_ms

USES = "pin"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "debounce_ms": (30, 0, 5000),
        "invert": (False, (False, True)),
        "pull": (None, (None, "up", "down")),
    }


class Digital:
    """A level, 0 or 1, reported when it changes.

    pin: a machine.Pin, set up as an input, with its pull
    debounce_ms: how long the level has to be stable before it counts
    invert: true if the contact pulls the pin low, as a button with a pull-up does
    changed: the settled level differs from what read() last returned
    """

    FIELDS = (("state", ""),)
    STATE = True

    def __init__(self, pin, debounce_ms=30, invert=False):
        self.pin = pin
        self.debounce_ms = debounce_ms
        self.invert = invert
        self._edge = None  # time of the last edge; None when the level has settled
        self._level = None
        self.changed = False

    def listen(self):
        """Start noting edges by interrupt; poll() reports them."""
        self.pin.irq(self._on_edge, self.pin.IRQ_RISING | self.pin.IRQ_FALLING)

    def _on_edge(self, _):
        self._edge = ticks_ms()

    def poll(self, now):
        """Settle the level at `now` (ticks_ms); return the ms until the next call, -1 for none."""
        # Taken and put back, so that an edge in the meantime isn't lost.
        edge, self._edge = self._edge, None
        if edge is None:
            return -1
        left = self.debounce_ms - ticks_diff(now, edge)
        if left > 0:
            if self._edge is None:
                self._edge = edge
            return left
        self.changed = self._now() != self._level
        return -1 if self._edge is None else self.debounce_ms

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (0 or 1,): the settled level, or the previous one while the contact bounces."""
        if self._edge is None or self._level is None:
            self._level = self._now()
        self.changed = False
        return (self._level,)

    def _now(self):
        return self.pin.value() ^ self.invert


DRIVER = Digital
