"""A sensor at work: when to ask its part, what to do with the answer, and what if it fails.

Only a Sensor writes its own fields. Its part is an object of its driver's class, with start(),
read() and perhaps poll(); see docs/drivers.md. What a part raises affects only its sensor. One
that keeps failing is asked less and less often.
"""

import time
from json import dumps
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_MOST_MS = const(1000)  # longest time to the next look at it
_LISTEN_MS = const(20)  # the same if an interrupt may have something to report
_NOT_YET_MS = const(600_000)  # longest wait for a measurement
_PATIENCE = const(4)  # failures in a row before it is asked less and less often

# node.network.stamp looks for its end.
_READING = const('{"value": %s, "unit": %s, "seq": %d, "boot": %d, "%s": %d}')


def text(value, about):
    """Return a value as JSON; a float, which would print as 9.300000000000001, with its decimals.

    about: (name, unit, decimals) of FIELDS; without decimals, the seven digits of a board's float.
    Raises ValueError for what JSON doesn't have, such as inf and nan.
    """
    if isinstance(value, float):
        if value - value == 0:
            shown = "%.*f" % (about[2], value) if len(about) > 2 else "%.7g" % value
            # No -0.0. A character that is taken out of a text would stay in RAM, as a name.
            return shown[1:] if shown.startswith("-") and not float(shown) else shown
    elif isinstance(value, (list, tuple)):  # a colour
        return "[%s]" % ", ".join([text(each, about) for each in value])
    elif isinstance(value, (int, bool, str)) or hasattr(value, "__float__"):
        return dumps(value)
    raise ValueError("%s: %r is not a number" % (about[0], value))


class Sensor:
    """One of a node's sensors. node.start.sensors makes it, and gives it its part.

    driver: the name of its driver
    failures, ms: its failures so far, and the ms to leave it alone
    """

    node: "Any" = None  # the same for all: there is one

    def __init__(self, node, name, driver, failures=0, ms=0):
        Sensor.node = node
        self.name = name
        self.driver = driver
        self.part: "Any" = None
        self.deliver: "Any" = None  # delivers its readings, see node.delivery; None: the queue
        self.interval = 0  # ms between two readings; 0: it reports only changes
        self.retain = False  # true if the broker retains its last reading
        # When the next sample is due; after a failure it is left alone until then.
        self.due = ticks_add(ticks_ms(), ms)
        self.waited = 0  # ms spent waiting for this measurement; 0: there is none
        # In a row. Below 0: it may never return, so its name goes where a reset leaves it.
        self.failures = failures

    def hold(self, part, interval, retain, deliver):
        """Take a part, or another one, and how to ask it and publish its readings."""
        self.part = part
        self.interval = interval
        self.retain = retain
        self.deliver = deliver

    def every(self, ms):
        """Change the interval; a running measurement is read first."""
        self.interval = ms
        if not self.waited:
            self.due = ticks_add(ticks_ms(), ms)

    def attend(self, now, tell):
        """Read it if it has changed or is due; return the ms until it may be due again.

        tell: publish it now if it is a state, or all are to be told
        """
        left = ticks_diff(self.due, now)
        if self.failures and left > 0:
            return left
        part = self.part
        interval = self.interval
        wait = _MOST_MS
        tell = tell and getattr(part, "STATE", self.node.every)
        if hasattr(part, "poll"):
            wait = part.poll(now)
            if wait < 0:
                wait = _LISTEN_MS
            if part.changed or tell and not interval:
                self._read()
            elif not interval:
                self.failures = 0
        if interval:
            waited = self.waited
            if left <= 0 or tell and not waited:
                left = (0 if waited else self.ask("start")) or self._read()
                self.waited = left and waited + left
                # A measurement was started just now, which is later than the `now` of this round.
                self.due = ticks_add(ticks_ms() if left else now, left or interval)
                left = left or interval
            wait = min(wait, left)
        return int(wait)

    def ask(self, method):
        """Call start() or read() of its part; return the ms to wait, or the values."""
        self.node.phase = self.name
        if 0 <= self.failures <= _PATIENCE:
            said = getattr(self.part, method)()
        else:
            if self.failures < 0:
                self.failures += 1
            said = call("health", "why", "ask", self, method)
        if isinstance(said, int):
            if 0 <= said <= _NOT_YET_MS - self.waited:
                return said
        elif isinstance(said, tuple) and len(said) == len(self.part.FIELDS):
            return said
        return call("health", "why", "wrong", self, method, said)

    def _read(self):
        """Read it and publish the values; return the ms until it can be read, or 0."""
        values = self.ask("read")
        if isinstance(values, int):
            return values or 1
        node = self.node
        for i, about in enumerate(self.part.FIELDS):
            if values[i] == ():  # a filter holds it back
                continue
            value = text(values[i], about)
            node.count += 1
            message = _READING % (
                value, text(about[1], about), node.count, node.boot,
                "uptime" if node.unset else "time",
                node.uptime if node.unset else int(time.time()) + node.epoch,
            )  # fmt: skip
            topic = node.prefix + self.name
            if len(values) > 1:
                topic += "/" + about[0]
            try:
                if self.deliver:
                    self.deliver(node.client, topic, message, self.retain)
                else:
                    node.client.post(topic, message, self.retain)
            except (OSError, ValueError, MemoryError) as error:
                # It wasn't accepted: too much is waiting for the broker, or the flash is full.
                node.failed(self.name, error)
        if self.failures:
            call("health", "why", "healthy", self)
            self.failures = 0
        return 0

    def fault(self, error):
        """Count and report a failure; return the ms for which to leave it alone."""
        self.waited = 0
        rest = _MOST_MS
        self.due = ticks_add(ticks_ms(), rest)
        try:
            self.failures, rest = call("health", "why", "fault", self, error)
            self.due = ticks_add(ticks_ms(), rest)
        except MemoryError:
            self.node.drops += 1
        return rest
