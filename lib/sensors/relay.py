"""A relay, valve, pump or switch: on or off, with a safe state and a time limit."""

from time import ticks_diff, ticks_ms

from sensors.shared.output import Output

USES = "out"


def options():
    """Return the options: name -> (default, lowest, highest) or (default, choices)."""
    return {
        "invert": (False, (False, True)),
        "safe": (False, (False, True)),
        "most_s": (0.0, 0, 86_400),
    }


class Relay(Output):
    """An output that commands switch on (true) or off (false).

    pin: a machine.Pin, an output
    invert: true if the load is on while the pin is low
    safe: the state at the start, when the node stops, and after `most_s` in the other state
    most_s: the longest time in the other state, in seconds; 0 for no limit

    After a power cut or a watchdog reset nothing drives the pin: choose wiring that is safe then.
    """

    FIELDS = (("on", ""),)

    def __init__(self, pin, invert=False, safe=False, most_s=0.0):
        if not 0 <= most_s <= 86_400:
            raise ValueError("most_s: %r; seconds, 0 to 86400" % most_s)
        self.pin = pin
        self.invert = invert
        self.safe = int(safe)
        self.most_ms = int(most_s * 1000)
        self._since = ticks_ms()
        self._switch(safe)

    def set(self, value):
        """Switch: True or False. Raises ValueError for anything else."""
        if not isinstance(value, bool):
            raise ValueError("value: %r; true or false" % value)
        self._switch(value)

    def poll(self, now):
        """Return to the safe state when it is time; return the ms until then, at most 1000."""
        if self.state == self.safe or not self.most_ms:
            return 1000
        left = self.most_ms - ticks_diff(now, self._since)
        if not 0 < left <= self.most_ms:  # more after a week: the ticks have wrapped
            self._switch(self.safe)
        return min(max(left, 0), 1000)

    def close(self):
        """Go to the safe state."""
        self._switch(self.safe)

    def _switch(self, on):
        on = int(on)
        if on != self.state:
            self._since = ticks_ms()
        self.pin.value(on ^ self.invert)
        self.went(on)


DRIVER = Relay
