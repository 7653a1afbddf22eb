"""The node at work: samples its sensors, publishes readings, takes commands.

One loop does it all and never waits but in one place: what is due is read, the link to the broker
is stepped, and then it sleeps until bytes arrive or something is due. A reading is accepted when
the link's outbox has taken it; one that it refused is counted, and seen in the diagnostics.

Topics below <base>/<node>: <sensor> readings, status online or offline, diagnostics,
cmd/<command> in and reply/<command> out.
"""

import os
import time
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

_BLOCKED_MS = const(2000)  # a sensor that takes so long holds up the others
_NEVER = const(0x3FFF_FFFF)
_TOLD = const(1 << 20)  # more sensors than there are: all states are told


class Node:
    """A node; node.start.begin makes it, and others give it its parts.

    prefix: <base>/<node>/; diagnostics: s between two such messages; safe: in safe mode
    about: goes out with the diagnostics: board, reset cause, mode, crashes, faults
    """

    wlan: "Any" = None  # the station interface, where there is Wi-Fi to look after
    wifi: "Any" = None  # what node.network.wifi remembers
    client: "Any" = None
    ntp_left = -1  # s until node.network.ntp is wanted; negative: it never is
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
        self.health = None  # what node.health.look remembers
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
        forget("connect", "late", "reach", "backoff", "pause", package="mqtt.engine")
        if self.client.again is None:
            forget("suspects", "aside", package="mqtt.engine")
        if self.wlan and not self.wlan.isconnected():
            call("network", "wifi", "step", self)
        if self.ntp_left:
            self.ntp_left -= 1
        else:
            self.ntp_left = _AGAIN_S
            seconds = call("network", "ntp", "step", self)
            if seconds:
                call("network", "clock", "told", self, seconds)
        if self.late > 0:
            call("commands", "take", "look", self, 0)
        self.tokens = min(self.tokens + _COMMANDS_S, 4 * _COMMANDS_S)
        if self.uptime % _LOOK_S == 0:
            call("health", "look", "look", self)
        if self.news or self.uptime % self.diagnostics == 0:
            self.news = False
            # Late, as there may be no memory for them; their own code is gone when they are sent.
            message = call("health", "telemetry", "text", self)
            self.client.post(self.prefix + "diagnostics", message, True, 0)
        if self.client.outbox.removed >= self.more and self.client.up:
            call("health", "backlog", "more", self)

    def _sample(self, now):
        """Read what has changed or is due; returns the ms until something may be due again.

        Whatever a driver raises stays with its sensor.
        """
        wait = _MOST_MS
        outbox = self.client.outbox
        for i, sensor in enumerate(self.sensors):
            began = ticks_ms()
            try:
                # A subscriber who missed it learns how a contact stands, as soon as there is room.
                tell = i == self.states and outbox.count < min(4, outbox.limit)
                self.states += tell
                left = sensor.attend(now, tell)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit as well
                left = sensor.fault(error)
            if ticks_diff(ticks_ms(), began) > _BLOCKED_MS:
                call("health", "why", "held_up", sensor, began)
            wait = min(wait, left)
        return wait if self.states >= len(self.sensors) else min(wait, _LISTEN_MS)

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
        call("network", "lost", "tell", self, error)

    def on_message(self, topic, payload, retained):
        """A command. One that was retained is old, and might end the node at every boot."""
        if retained or not self.tokens or not topic.startswith(self.prefix + "cmd/"):
            self.drops += 1
            return
        self.tokens -= 1
        self.phase = topic
        name = topic[len(self.prefix) + 4 :]
        try:
            reply = call("commands", "take", "take", self, name, payload)
            if not isinstance(reply, str):  # it has a module for itself
                reply = call("commands", "orders", "obey", self, name, reply)
        except MemoryError:
            reply = '{"ok": false, "error": "not enough memory"}'
        self.client.post(self.prefix + "reply/" + name[:32], reply, False, 0)
