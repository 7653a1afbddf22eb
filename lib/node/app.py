"""The node at work: samples its sensors, publishes readings, takes commands.

One loop does it all and never waits but in one place: what is due is read, the link to the broker
is stepped, and then it sleeps until bytes arrive or something is due. A reading is accepted when
the link's outbox has taken it; one that it refused is counted, and seen in the diagnostics.

Topics below <base>/<node>: <sensor> readings, status online or offline, diagnostics,
cmd/<command> in and reply/<command> out.
"""

import os
import time
from json import dumps
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from node.overlay import call, forget

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_MOST_MS = const(1000)  # longest sleep: the loop also feeds the watchdog
_LISTEN_MS = const(20)  # longest sleep where an interrupt may have something to tell
_LOOK_S = const(10)  # from one look at the health to the next
_AGAIN_S = const(60)  # to the next attempt to set the clock, where there is no room for it now
_COMMANDS_S = const(5)  # commands in a second; four times as many at once

_NOT_YET_MS = const(600_000)  # longest wait for a reading that was begun
_PATIENCE = const(4)  # failures in a row; with one more it is asked less and less often
_BLOCKED_MS = const(2000)  # a sensor that takes so long holds up the others

_NEVER = const(0x3FFF_FFFF)
_TOLD = const(1 << 20)  # more sensors than there are: all states are told

# node.stamp looks for the end of it.
_READING = const('{"value": %s, "unit": %s, "seq": %d, "boot": %d, "%s": %d}')

# A sensor is a list, for it has a few facts that change.
_NAME = const(0)
_SENSOR = const(1)
_INTERVAL = const(2)  # ms, 0 for one that only tells of changes
_DUE = const(3)  # ticks_ms of its next sample; after a failure, before that it is left alone
_TOPIC = const(4)
_STARTED = const(5)  # the ms that this measurement has been waited for; 0: there is none
_DELIVERY = const(6)  # how its readings are handed over, see node.delivery; None: the plain queue
_RETAIN = const(7)  # True: the broker keeps its last reading
_FAILED = const(8)  # failures in a row; below 0: it is asked for the first time
# entry[9] is the name of its driver.


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


class Node:
    """A node; node.start makes it and gives it its parts.

    prefix: <base>/<node>/; diagnostics: s between two such messages; safe: in safe mode
    about: goes out with the diagnostics: board, reset cause, mode, crashes, faults
    """

    wlan: "Any" = None  # the station interface, where there is Wi-Fi to look after
    wifi: "Any" = None  # what node.wifi remembers
    client: "Any" = None
    ntp_left = -1  # s until node.ntp is wanted; negative: it never is
    unset = False  # nobody has set the clock yet, and there is a network to learn the time from
    secret = None  # of signed commands
    restart = 0  # s without a connection after which it does; 0: never

    def __init__(self, prefix, diagnostics, about, safe):
        self.prefix = prefix
        self.about = about
        self.sensors = []
        self.drops = 0  # readings and connections that failed, commands that were retained
        self.error = ""  # the last thing that went wrong
        self.ended = None  # set to a reason to end run()
        self.uptime = -1  # s; ticks_ms alone wraps, after 12 days on most ports
        self.feed = int  # the watchdog's, or nothing
        self.diagnostics = diagnostics
        self.safe = safe
        self.rebooted = False  # by the command, just now
        self.faulty = False  # config.json was found wrong, and the last good one is used
        self.count = 0  # of readings, over the restarts that the flash outbox survives
        self.boot = int.from_bytes(os.urandom(3), "big")  # tells the readings of each start apart
        # All that changes is here from the start: later there may be no RAM for one name more.
        self.health = None  # what node.health remembers
        self.stuck = ""  # what makes no progress; then the watchdog is not fed
        self.phase = "start"  # what the node is at
        self.states = _TOLD  # from this sensor on the states are to be told
        self.news = False  # the diagnostics are to be told, it connected
        self.proven = False  # it ran long enough for its start to be no crash
        self.gave_up = ""  # why it restarts of itself
        self.more = _NEVER  # messages that are done when more of the flash is to be sent
        self.tokens = 4 * _COMMANDS_S  # commands that it takes now
        # While commands arrive that were sent before: their number, and 1; -1 if they are obeyed.
        self.late = 0
        self.epoch = 946_684_800 if time.gmtime(0)[0] == 2000 else 0  # where the port begins

    def run(self):
        """Run until something ends it; returns the reason."""
        client = self.client
        second = ticks_add(ticks_ms(), -1000)
        while not self.ended:
            now = ticks_ms()
            while ticks_diff(now, second) >= 1000:
                second = ticks_add(second, 1000)
                self.uptime += 1
                if ticks_diff(now, second) >= 1000:  # a driver held it up: these seconds are over
                    continue
                try:
                    self._each_second()
                except Exception as error:  # MemoryError: too much waits; it will be less
                    self.failed("node", error)
            if not self.stuck:
                self.feed()
            wait = self._sample(now)
            self.phase = "network"
            client.wait(max(0, min(wait, client.step())))
        return self.ended

    def _each_second(self):
        # They are needed when a connection begins, and when it ends.
        forget("connect", "opening", "reach", "backoff", "pause", package="mqtt")
        if self.client.again is None:
            forget("suspects", "aside", package="mqtt")
        if self.wlan and not self.wlan.isconnected():
            call("wifi", "step", self)
        if self.ntp_left:
            self.ntp_left -= 1
        else:
            self.ntp_left = _AGAIN_S
            seconds = call("ntp", "step", self)
            if seconds:
                call("clock", "told", self, seconds)
        if self.late > 0:
            call("late", "look", self, 0)
        self.tokens = min(self.tokens + _COMMANDS_S, 4 * _COMMANDS_S)
        if self.uptime % _LOOK_S == 0:
            call("health", "look", self)
        if self.news or self.uptime % self.diagnostics == 0:
            self.news = False
            call("telemetry", "tell", self)  # late, for there may be no room to make them up
        if self.client.outbox.removed >= self.more and self.client.up:
            call("backlog", "more", self)

    def _sample(self, now):
        """Read what has changed or is due; returns the ms until something may be due again.

        Whatever a driver raises stays with its sensor.
        """
        wait = _MOST_MS
        outbox = self.client.outbox
        for i, entry in enumerate(self.sensors):
            began = ticks_ms()
            try:
                # A subscriber who missed it learns how a contact stands, as soon as there is room.
                tell = i == self.states and outbox.count < min(4, outbox.limit)
                self.states += tell
                left = self._attend(entry, now, tell)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit as well
                left = self.fault(entry, error)
            if ticks_diff(ticks_ms(), began) > _BLOCKED_MS:
                call("why", "held_up", self, entry, began)
            wait = min(wait, left)
        return wait if self.states >= len(self.sensors) else min(wait, _LISTEN_MS)

    def _attend(self, entry, now, tell):
        """Read a sensor if it has changed or is due; returns the ms until it may be again.

        tell: publish it now if it is a state
        """
        left = ticks_diff(entry[_DUE], now)
        if entry[_FAILED] and left > 0:
            return left
        sensor = entry[_SENSOR]
        interval = entry[_INTERVAL]
        wait = _MOST_MS
        tell = tell and getattr(sensor, "STATE", False)
        if hasattr(sensor, "poll"):
            wait = sensor.poll(now)
            if wait < 0:
                wait = _LISTEN_MS
            if sensor.changed or tell and not interval:
                self._read(entry)
            elif not interval:
                entry[_FAILED] = 0
        if interval:
            waited = entry[_STARTED]
            if left <= 0 or tell and not waited:
                left = (0 if waited else self.ask(entry, "start")) or self._read(entry)
                entry[_STARTED] = left and waited + left
                # A measurement was begun just now, which is later than the `now` of this turn.
                entry[_DUE] = ticks_add(ticks_ms() if left else now, left or interval)
                left = left or interval
            wait = min(wait, left)
        return int(wait)

    def ask(self, entry, method):
        """What start() or read() of a driver says: the ms to wait, or the values."""
        self.phase = entry[_NAME]
        if 0 <= entry[_FAILED] <= _PATIENCE:
            said = getattr(entry[_SENSOR], method)()
        else:  # it may never return
            if entry[_FAILED] < 0:
                entry[_FAILED] += 1
            said = call("why", "ask", entry, method)
        if isinstance(said, int):
            if 0 <= said <= _NOT_YET_MS - entry[_STARTED]:
                return said
        elif isinstance(said, tuple) and len(said) == len(entry[_SENSOR].FIELDS):
            return said
        return call("why", "wrong", entry, method, said)

    def _read(self, entry):
        """Read a sensor and publish what it says; returns the ms until it can be read, or 0."""
        values = self.ask(entry, "read")
        if isinstance(values, int):
            return values or 1
        for i, about in enumerate(entry[_SENSOR].FIELDS):
            value = text(values[i], about)
            self.count += 1
            message = _READING % (
                value, text(about[1], about), self.count, self.boot,
                "uptime" if self.unset else "time",
                self.uptime if self.unset else int(time.time()) + self.epoch,
            )  # fmt: skip
            topic = entry[_TOPIC] if len(values) == 1 else entry[_TOPIC] + "/" + about[0]
            try:
                if entry[_DELIVERY]:
                    entry[_DELIVERY](self.client, topic, message, entry[_RETAIN])
                else:
                    self.client.post(topic, message, entry[_RETAIN])
            except (OSError, ValueError, MemoryError) as error:
                # It was not accepted: too much waits for the broker, or the flash is full.
                self.failed(entry[_NAME], error)
        if entry[_FAILED]:
            call("why", "healthy", self, entry)
        return 0

    def fault(self, entry, error):
        """A sensor failed: count and tell it; returns the ms for which it is left alone."""
        entry[_STARTED] = 0
        entry[_DUE] = ticks_add(ticks_ms(), _MOST_MS)
        try:
            return call("why", "fault", self, entry, error)
        except MemoryError:
            self.drops += 1
            return _MOST_MS

    def failed(self, name, error):
        """Count and keep an error."""
        self.drops += 1
        try:
            self.error = "%s: %s" % (name, error)
        except MemoryError:
            self.error = "memory"
        print("Petrel:", self.error)

    # --- what the client asks for and tells

    def on_connect(self):
        """Birth; then, within a second, how the node is."""
        print("Petrel: connected")
        forget("connect", package="mqtt")
        client = self.client
        if client.present and self.late >= 0:
            self.late = 1
            client.ping_due = True  # it leaves before the backlog
        client.post(self.prefix + "status", "online", True, 0)
        self.states = 0
        self.news = True  # told in the next second, when there is RAM for it

    def on_lost(self, error):
        """A connection failed or ended."""
        if isinstance(error, MemoryError) and self.client.outbox.count > 4:
            # So much waits that nothing can be sent: it goes to the flash, and we start afresh.
            self.ended = self.gave_up = "no memory left to connect"
        call("lost", "tell", self, error)

    def on_message(self, topic, payload, retained):
        """A command. One that was retained is old, and might end the node at every boot."""
        if retained or not self.tokens or not topic.startswith(self.prefix + "cmd/"):
            self.drops += 1
            return
        self.tokens -= 1
        self.phase = topic
        name = topic[len(self.prefix) + 4 :]
        try:
            order = call("commands", "take", self, name, payload)
            if order:
                call("orders", "obey", self, *order)
        except MemoryError:
            reply = '{"ok": false, "error": "not enough memory"}'
            self.client.post(self.prefix + "reply/" + name[:32], reply, False, 0)
