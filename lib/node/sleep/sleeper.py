"""A node that sleeps: it wakes, reads, connects, publishes, obeys what waited, and sleeps again.

node.sleep.begin makes it. It goes to sleep (node.sleep.night) as soon as all of this is done, and
whatever is left once it has been awake for as long as it may. After a cold start it stays up for
a while, so that a board that someone holds in their hands can be reached.

The command `awake` keeps it up: for so many seconds, or, without a number, until the same command
says 0. It is the one command that counts if it is retained, too: it is there at each wake.
"""

import sys
from time import ticks_diff

from micropython import const

from node.app import Node
from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_DAYS = const(0x3FFF_FFFF)  # ms
_ALL = const(1 << 20)  # more than there are sensors: all states have been sent
_NEVER = const(0x3FFF_FFFF)
_RIGHT_S = const(600)  # node.ntp_left is more once the clock was set right


class Sleeper(Node):
    """A node that sleeps. node.sleep.begin gives it its numbers."""

    period_s = 0  # from one wake to the next
    limit_ms = 0  # how long it may be awake
    section: "Any" = ()  # sleep of the config
    low_v: "Any" = 0  # volts of the battery below which it only sleeps; 0: it never looks
    bssid = b"\0\0\0\0\0\0"  # the access point that it tried first
    low = False  # the battery is below that
    roused = False  # it woke before it was time
    hold_ms = 0  # how long it stays awake after a cold start
    most_ms = 0  # it sleeps once it was awake for so long
    least_ms = 0  # it doesn't sleep before
    up_ms = 0  # awake for so long
    turn: "Any" = 0  # ticks of the last look at the clock
    cold = True  # it didn't wake from a sleep
    must = False  # what waits belongs onto the flash, not into the RTC's memory
    told_at = -_DAYS  # uptime in s of the last diagnostics
    set_at = 0  # s since 1970 when the clock was last set right
    ntp_due = True
    asked = False  # the broker was asked whether that was all
    arrived = False  # something came since

    def run(self):
        """Run until it is time to sleep, from which the board wakes with a reset."""
        call("sleep", "begin", "equip", self)
        ended = Node.run(self)
        if ended == "asleep":
            call("sleep", "night", "go", self)
        return ended

    def _sample(self, now):
        wait = Node._sample(self, now)
        self.up_ms += ticks_diff(now, self.turn)
        self.turn = now
        over = self.up_ms >= self.least_ms and self.idle()
        if over and (self.up_ms >= self.most_ms or self.done(now)):
            self.ended = self.ended or "asleep"
            return 0
        return max(0, min(wait, max(self.least_ms, self.most_ms) - self.up_ms))

    def idle(self):
        """Return whether nothing is under way that a sleep would break off."""
        stage = sys.modules.get("stage")
        turns = sys.modules.get("node.update.turns")
        return not (stage and stage.trying or turns and turns.updates or self.about.get("changed"))

    def done(self, now):
        """Return whether all is read and delivered, and all that waited is obeyed."""
        for sensor in self.sensors:
            if sensor.interval and (sensor.waited or ticks_diff(sensor.due, now) <= 0):
                return False
        client = self.client
        if not hasattr(client, "stream"):  # a console
            return True
        if not client.up or client.outbox.count or client.left or client.reply or client.untold:
            return False
        if self.news or self.announce or self.more < _NEVER or self.states < len(self.sensors):
            return False
        if self.ntp_due and not self.ntp_left:  # it is asking
            return False
        # Whatever the broker has for this node comes before its answer to a PINGREQ that follows
        # the SUBSCRIBE; it may send some, and more once those are acknowledged.
        if not self.asked or self.arrived:
            self.asked = client.ping_due = True
            self.arrived = False
            return False
        return not (client.ping_due or client.awaited)

    def on_connect(self):
        """Tell what is due, and only what was not told before this sleep."""
        Node.on_connect(self)
        self.asked = False
        if not self.cold:
            self.states = _ALL  # each was read after the wake
            self.announce = 0
            self.news = self.low or self.roused or self.uptime - self.told_at >= self.diagnostics
        if self.news:
            self.told_at = self.uptime
        if self.ntp_due and self.ntp[0]:  # type: ignore[attr-defined]
            self.ntp_left = 0

    def on_message(self, topic, payload, retained):
        """Take a command; `awake` also if it is retained."""
        self.arrived = True
        if topic != self.prefix + "cmd/awake" or self.secret and retained:
            return Node.on_message(self, topic, payload, retained)
        reply = call("sleep", "order", "awake", self, payload)
        if not retained:
            self.client.post(self.prefix + "reply/awake", reply, False, 0)
        return None

    def clock_is_right(self):
        """Return whether the clock was set in this wake."""
        return self.ntp_due and not self.unset and self.ntp_left > _RIGHT_S
