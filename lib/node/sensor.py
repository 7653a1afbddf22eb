"""A sensor at work: when its part is asked, what becomes of the answer, and what if it fails.

Only a Sensor writes its own fields. A part is what its driver has made: it has start() and read(),
and perhaps poll(), see docs/drivers.md. Whatever it raises stays with its sensor; a sensor that
keeps failing is asked less and less often.
"""

import time
from json import dumps
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_MOST_MS = const(1000)  # longest time to the next look at it
_LISTEN_MS = const(20)  # the same where an interrupt may have something to tell
_NOT_YET_MS = const(600_000)  # longest wait for a measurement that was begun
_PATIENCE = const(4)  # failures in a row; after one more it is asked less and less often

# node.network.stamp looks for the end of it.
_READING = const('{"value": %s, "unit": %s, "seq": %d, "boot": %d, "%s": %d}')


def text(value, about):
    """Return a value as JSON; a float, which would print as 9.300000000000001, with its decimals.

    about: (name, unit, decimals) of FIELDS; without decimals it is the seven digits of a board's
    float. Raises ValueError for what is neither text nor a number: JSON has no inf and no nan.
    """
    if isinstance(value, float):
        if value - value == 0:
            shown = "%.*f" % (about[2], value) if len(about) > 2 else "%.7g" % value
            return shown[1:] if shown[0] == "-" and not float(shown) else shown  # no -0.0
    elif isinstance(value, (list, tuple)):  # a colour
        return "[%s]" % ", ".join([text(each, about) for each in value])
    elif isinstance(value, (int, bool, str)) or hasattr(value, "__float__"):
        return dumps(value)
    raise ValueError("%s: %r is not a number" % (about[0], value))


class Sensor:
    """One of a node's sensors; node.start.sensors makes it and gives it its part.

    driver: the name of its driver
    failures, rest: how many to begin with, and the ms to leave it alone
    """

    node: "Any" = None  # the same for all: there is one

    def __init__(self, node, name, driver, failures=0, rest=0):
        Sensor.node = node
        self.name = name
        self.driver = driver
        self.part: "Any" = None
        self.deliver: "Any" = None  # hands its readings over, see node.delivery; None: queued
        self.interval = 0  # ms from one reading to the next; 0: it tells of changes alone
        self.retain = False  # the broker keeps its last reading
        # Of the next sample; after a failure it is left alone until then.
        self.due = ticks_add(ticks_ms(), rest)
        self.waited = 0  # ms that this measurement has been waited for; 0: there is none
        # In a row; below 0: it may never return, so what outlives a reset is told its name.
        self.failures = failures

    def hold(self, part, interval, retain, deliver):
        """Take a part, or another one; the rest says how it is asked and told from now on."""
        self.part = part
        self.interval = interval
        self.retain = retain
        self.deliver = deliver

    def every(self, ms):
        """Be read so often from now on; a measurement that runs is read first."""
        self.interval = ms
        if not self.waited:
            self.due = ticks_add(ticks_ms(), ms)

    def attend(self, now, tell):
        """Read it if it has changed or is due; returns the ms until it may be again.

        tell: publish it now if it is a state
        """
        left = ticks_diff(self.due, now)
        if self.failures and left > 0:
            return left
        part = self.part
        interval = self.interval
        wait = _MOST_MS
        tell = tell and getattr(part, "STATE", False)
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
                # A measurement was begun just now, which is later than the `now` of this turn.
                self.due = ticks_add(ticks_ms() if left else now, left or interval)
                left = left or interval
            wait = min(wait, left)
        return int(wait)

    def ask(self, method):
        """What start() or read() of its part says: the ms to wait, or the values."""
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
        """Read it and publish what it says; returns the ms until it can be read, or 0."""
        values = self.ask("read")
        if isinstance(values, int):
            return values or 1
        node = self.node
        for i, about in enumerate(self.part.FIELDS):
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
                # It was not accepted: too much waits for the broker, or the flash is full.
                node.failed(self.name, error)
        if self.failures:
            call("health", "why", "healthy", self)
            self.failures = 0
        return 0

    def fault(self, error):
        """It failed: count and tell it; returns the ms for which it is left alone."""
        self.waited = 0
        rest = _MOST_MS
        self.due = ticks_add(ticks_ms(), rest)
        try:
            self.failures, rest = call("health", "why", "fault", self, error)
            self.due = ticks_add(ticks_ms(), rest)
        except MemoryError:
            self.node.drops += 1
        return rest
