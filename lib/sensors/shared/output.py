"""What outputs share: a state that commands change, and that is published when it has changed."""


class Output:
    """An output; a driver has set(value), which calls went(state), and close().

    changed: the state differs from the one that read() returned last
    """

    STATE = True
    changed = False
    state = None

    def poll(self, now):
        """Nothing changes by itself; returns 1000 ms."""
        return 1000

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (state,)."""
        self.changed = False
        return (self.state,)

    def went(self, state):
        """The output has another state now."""
        self.changed = self.changed or state != self.state
        self.state = state


def number(value, most, what):
    """Return a value of 0 to `most`. Raises ValueError for anything else.

    what: the unit or quantity that is wanted, for the error
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError("value: %r; %s, from 0 to %g" % (value, what, most))
    return value
