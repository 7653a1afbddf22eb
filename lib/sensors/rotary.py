"""A rotary encoder with two contacts."""

from array import array

USES = (("pin", "in"), ("pin_b", "in"))
# Indexed by the old and the new state, 2 bits each: a quarter step forward, back, or a bounce.
_STEPS = b"\x01\x00\x02\x01\x02\x01\x01\x00\x00\x01\x01\x02\x01\x02\x00\x01"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "pull": (None, (None, "up", "down")),
        "steps": (4, 1, 4),
        "invert": (False, (False, True)),
    }


class Rotary:
    """Position in clicks; 0 at the start.

    a, b: machine.Pins, inputs
    steps: how often the contacts change between two clicks: 4, 2 or 1
    invert: true to count in the other direction
    changed: the position differs from what read() last returned
    """

    FIELDS = (("position", ""),)
    STATE = True

    def __init__(self, a, b, steps=4, invert=False):
        self.a = a
        self.b = b
        self.steps = -steps if invert else steps
        self._state = a.value() << 1 | b.value()
        self._quarters = array("i", (0,))
        self._last = 0
        self.changed = False

    def listen(self):
        """Start following the contacts by interrupt."""
        for pin in (self.a, self.b):
            pin.irq(self._on_edge, pin.IRQ_RISING | pin.IRQ_FALLING)

    def _on_edge(self, _):
        state = self.a.value() << 1 | self.b.value()
        self._quarters[0] += _STEPS[self._state << 2 | state] - 1
        self._state = state

    def poll(self, now):
        """Note whether the position has changed; return -1."""
        self.changed = self._position() != self._last
        return -1

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (position,)."""
        self._last = self._position()
        self.changed = False
        return (self._last,)

    def _position(self):
        clicks = (self._quarters[0] + abs(self.steps) // 2) // abs(self.steps)
        return clicks if self.steps > 0 else -clicks


DRIVER = Rotary
