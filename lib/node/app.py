"""The node at work: samples its sensors, publishes readings, takes commands.

One loop does everything and waits in only one place: it reads what is due, steps the link to the
broker, and then sleeps until bytes arrive or something is due. A reading is accepted once the
link's outbox has taken it. Readings that the outbox refuses are counted in the diagnostics.

Topics under <base>/<node>: <sensor> readings, status online or offline, diagnostics,
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
_LISTEN_MS = const(20)  # longest sleep if an interrupt may have something to report
_LOOK_S = const(10)  # between two looks at the node's health
_AGAIN_S = const(60)  # until the next try to set the clock, if there is no room now
_DISCOVERY_S = const(3)  # before its values, Home Assistant is told what there is
_COMMANDS_S = const(5)  # commands per second; four times as many in a burst

_BLOCKED_MS = const(2000)  # a sensor that takes this long holds up the others
_NEVER = const(0x3FFF_FFFF)
_TOLD = const(1 << 20)  # more than there are sensors: all states have been sent


class Node:
    """A node. node.start.begin makes it, and node.start.equip gives it its parts.

    prefix: <base>/<node>/; diagnostics: s between two such messages; safe: true in safe mode
    about: what the diagnostics say besides: board, reset cause, mode, crashes, faults
    """

    wlan: "Any" = None  # the station interface, if the node has Wi-Fi
    wifi: "Any" = None  # what node.network.wifi remembers
    client: "Any" = None
    ntp_left = -1  # s until node.network.ntp is called; negative: never
    unset = False  # the clock isn't set yet, and a network can give the time
    secret = None  # of signed commands
    status = "online"  # published once it is connected
    restart = 0  # restart after so many s without a connection; 0: never
    offer = 0  # when to open the access point, see node.provision.look; 0: never

    def __init__(self, prefix, diagnostics, about, safe):
        self.prefix = prefix
        self.about = about
        self.sensors = []
        self.drops = 0  # failed readings and connections, retained commands
        self.error = ""  # the last thing that went wrong
        self.ended = None  # set to a reason to end run()
        self.uptime = -1  # s; ticks_ms alone wraps, after 12 days on most ports
        self.feed = int  # the watchdog's feed(), or something that does nothing
        self.diagnostics = diagnostics
        self.safe = safe
        self.rebooted = False  # the command reboot was just given
        self.faulty = False  # config.json is wrong, and the last good one is in use
        self.count = 0  # of readings, over the restarts that the flash outbox survives
        self.boot = int.from_bytes(os.urandom(3), "big")  # tells the readings of each start apart
        # All that changes exists from the start: later there may be no RAM for another name.
        self.health = None  # what node.health.look remembers
        self.stuck = ""  # what makes no progress, if anything; the watchdog isn't fed then
        self.phase = "start"  # what the node is doing
        self.states = _TOLD  # the states of the sensors from this one on are to be sent
        self.news = False  # the diagnostics are due, because it connected
        self.proven = False  # it has run long enough not to count as a crash
        self.gave_up = ""  # why it restarts itself
        self.left = None  # of the client at the end: the outbox
        self.more = _NEVER  # messages that are done when more of the flash is to be sent
        self.tokens = 4 * _COMMANDS_S  # how many commands it takes now
        # While commands arrive that were sent before: their number, and 1; -1 if they are obeyed.
        self.late = 0
        # See node.homeassistant.step: s until Home Assistant is told the values; whether it is to
        # know of this node; and whether all values are told with the states.
        self.announce = self.birth = 0
        self.every = False
        self.epoch = 946_684_800 if time.gmtime(0)[0] == 2000 else 0  # the port's year 0

    def run(self):
        """Run until something ends it; returns the reason."""
        client = self.client
        second = ticks_add(ticks_ms(), -1000)
        while not self.ended:
            now = ticks_ms()
            while ticks_diff(now, second) >= 1000:
                second = ticks_add(second, 1000)
                self.uptime += 1
                if ticks_diff(now, second) >= 1000:  # a driver held it up: skip these seconds
                    continue
                try:
                    self._each_second()
                except Exception as error:  # MemoryError: too much is waiting; that will improve
                    self.failed("node", error)
            if not self.stuck:
                self.feed()
            wait = self._sample(now)
            self.phase = "network"
            client.wait(max(0, min(wait, client.step())))
        return self.ended

    def _each_second(self):
        # They are needed when a connection begins or ends, and when a file on the flash does.
        forget(
            "late", "reach", "backoff", "end", "records", "segments", "survey",
            package="mqtt.engine",
        )  # fmt: skip
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
        if self.announce:
            self.announce -= 1
            if self.announce in (0, _DISCOVERY_S):
                call("homeassistant", "step", "step", self)
        self.tokens = min(self.tokens + _COMMANDS_S, 4 * _COMMANDS_S)
        if self.uptime % _LOOK_S == 0:
            call("health", "look", "look", self)
        if self.news or self.uptime % self.diagnostics == 0:
            self.news = False
            # Last, as there may be no memory for them; their own code is gone when they are sent.
            message = call("health", "telemetry", "text", self)
            taken = self.client.post(self.prefix + "diagnostics", message, True, 0)
            # Again in a second if the last packet is still being written.
            self.news = taken is None and self.client.up
        if self.client.outbox.removed >= self.more and self.client.up:
            call("health", "backlog", "more", self)

    def _sample(self, now):
        """Read what has changed or is due; return the ms until something may be due again.

        What a driver raises affects only its sensor.
        """
        wait = _MOST_MS
        outbox = self.client.outbox
        for i, sensor in enumerate(self.sensors):
            began = ticks_ms()
            try:
                # A subscriber who missed it learns a contact's state as soon as there is room.
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
        """Count an error, and remember it."""
        self.drops += 1
        try:
            self.error = "%s: %s" % (name, error)
        except MemoryError:
            self.error = "memory"
        print("Petrel:", self.error)

    # --- called by the client

    def on_connect(self):
        """Publish the birth; the diagnostics follow within a second."""
        print("Petrel: connected")
        client = self.client
        if client.present and self.late >= 0:
            self.late = 1
            client.ping_due = True  # it is sent before the backlog
        client.post(client.will[0], self.status, True, 0)
        self.states = 0
        self.every = False
        if self.birth:
            if self.birth > 4 and not client.present:  # see node.homeassistant.birth
                self.birth = 1
            self.announce = 4 + self.boot % 6  # not all nodes at once
        self.news = True  # sent in the next second, when there is RAM for it

    def on_lost(self, error):
        """Report that a connection failed or ended."""
        if isinstance(error, MemoryError) and self.client.outbox.count > 4:
            # So much is waiting that nothing can be sent: put it on the flash, and start afresh.
            self.ended = self.gave_up = "no memory left to connect"
        call("network", "lost", "tell", self, error)

    def on_message(self, topic, payload, retained):
        """Take a command. A retained one is old, and could end the node at every boot.

        payload: of one that the client's buffer can't hold, the number of its bytes; returns what
        takes them, or None
        """
        if retained or not self.tokens or not topic.startswith(self.prefix + "cmd/"):
            if self.birth:
                call("homeassistant", "birth", "take", self, topic, payload, retained)
            else:
                self.drops += 1
            return
        self.tokens -= 1
        self.phase = topic
        name = topic[len(self.prefix) + 4 :]
        try:
            reply = call("commands", "take", "take", self, name, payload)
            if not isinstance(reply, str):  # it has a module of its own
                if name == "interval":
                    reply = call("commands", "interval", "obey", self, reply)
                else:
                    reply = call("commands", "orders", "obey", self, name, reply)
        except MemoryError:
            reply = '{"ok": false, "error": "not enough memory"}'
        if not isinstance(reply, str):
            return reply
        self.client.post(self.prefix + "reply/" + name[:32], reply, False, 0)
