"""What outputs share: a state that commands change and the node then publishes."""


class Output:
    """An output. Its driver adds close(), and set(value), which calls went(state).

    changed: the state differs from what read() last returned
    """

    STATE = True
    changed = False
    state = None

    def poll(self, now):
        """Return 1000 ms: nothing changes by itself."""
        return 1000

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Return (state,)."""
        self.changed = False
        return (self.state,)

    def went(self, state):
        """Note the output's new state."""
        self.changed = self.changed or state != self.state
        self.state = state


def number(value, most, what):
    """Return the value if it is a number from 0 to `most`. Raises ValueError otherwise.

    what: the unit or quantity, for the error
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError("value: %r; %s, from 0 to %g" % (value, what, most))
    return value
