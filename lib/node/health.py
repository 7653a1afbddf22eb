"""Looks every few seconds whether the node makes progress, and does something where it does not.

The watchdog is fed by the loop (node.app), and only while the sensors and the connection move as
well: `node.stuck` says what does not. Without a watchdog the node restarts itself then.
A connection that does not come about is retried by the client. After five minutes the Wi-Fi is
switched off and on, again after twice as long, and so on; after an hour the board restarts, what
waits being kept; the next time after two, up to a day. Every step is counted and told.
"""

from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_OVERDUE_MS = const(60_000)  # a sensor should have been read so long ago
_STILL_S = const(180)  # no attempt to connect has begun or ended for so long
_WIFI_S = const(300)  # first time without a connection after which the Wi-Fi is switched
_DAY_S = const(86_400)

# What is remembered between two looks, in node.health: two times of uptime, and counts.
_UP = const(0)  # when the connection stood last
_MOVED = const(1)  # when something happened to it last
_FAILURES = const(2)
_SWITCHED = const(3)  # how often the Wi-Fi was switched off and on since _UP


def look(node):
    """Look at everything; sets node.stuck, switches the Wi-Fi, or ends the node with a reason."""
    now = node.uptime
    client = node.client
    health = node.health
    if health is None:
        node.health = health = [now, now, 0, 0]
    if client.session.up:
        if node.about.pop("restarts", 0):  # they have helped, or it was not for us to help
            crashes, _, why = call("retained", "load")
            call("retained", "store", crashes, why)
        health[_UP] = health[_MOVED] = now
        health[_SWITCHED] = 0
    elif client.failures != health[_FAILURES] or node.wlan and not node.wlan.isconnected():
        health[_FAILURES] = client.failures
        health[_MOVED] = now
    outbox = client.outbox
    restored = getattr(outbox, "restored", 0)
    if 0 < restored <= outbox.removed and not hasattr(outbox, "journal"):
        try:
            call("kept", "clear", outbox)
        except OSError as error:  # then it is done at the next start
            node.failed("outbox", error)
    node.stuck = _stuck(node, now - health[_MOVED])
    if node.stuck:
        node.failed("health", node.stuck)
        if node.feed is int:
            raise RuntimeError(node.stuck)
        call("retained", "store", call("retained", "load")[0], node.stuck)
    else:
        _escalate(node, health, now - health[_UP])


def _stuck(node, still):
    """What makes no progress, or nothing."""
    if still > _STILL_S:
        return "no attempt to connect for %d s" % still
    now = ticks_ms()
    for entry in node.sensors:
        # entry: see node.app; an interval of 0 has no due time
        if entry[2] and ticks_diff(now, entry[3]) > _OVERDUE_MS:
            return "%s was not read for too long" % entry[0]
    return ""


def _escalate(node, health, offline):
    if node.restart and offline > min(node.restart << node.about.get("restarts", 0), _DAY_S):
        node.ended = node.gave_up = "no connection for %d s" % offline
    elif node.wlan and offline > (_WIFI_S << health[_SWITCHED]):
        health[_SWITCHED] += 1
        node.about["wifi_restarts"] = node.about.get("wifi_restarts", 0) + 1
        node.failed("health", "no connection for %d s: Wi-Fi off and on" % offline)
        call("wifi", "switch", node)
