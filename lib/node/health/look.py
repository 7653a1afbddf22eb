"""Looks every few seconds whether the node makes progress, and does something where it does not.

The watchdog is fed by the loop (node.app), and only while the connection moves as well: else
`node.stuck` says so. Without a watchdog the node restarts itself then.
A connection that does not come about is retried by the client. After five minutes the Wi-Fi is
switched off and on, again after twice as long, and so on; after an hour the board restarts, what
waits being kept; the next time after two, up to a day. Every step is counted and told.
"""

from micropython import const

from node.overlay import call

_HEALTHY_S = const(60)  # a node that ran so long did not crash at its start
_SAFE_S = const(600)  # so long it stays in safe mode before it tries again
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
    health = node.health
    if health is None:
        node.health = health = [now, now, 0, 0]
    if node.safe:
        if now >= _SAFE_S:
            node.ended = "safe mode is over"
    elif now >= _HEALTHY_S and not node.proven:
        call("health", "retained", "healthy", node)
        node.proven = True
    _connection(node, health, now)
    _progress(node, now - health[_MOVED])
    if not node.stuck:
        _escalate(node, health, now - health[_UP])


def _connection(node, health, now):
    client = node.client
    if client.up:
        if node.about.pop("restarts", 0):  # they have helped, or it was not for us to help
            crashes, _, why = call("health", "retained", "load")
            call("health", "retained", "store", crashes, why)
        health[_UP] = health[_MOVED] = now
        health[_SWITCHED] = 0
    elif client.failures != health[_FAILURES] or node.wlan and not node.wlan.isconnected():
        health[_FAILURES] = client.failures
        health[_MOVED] = now


def _progress(node, still):
    if still <= _STILL_S:
        node.stuck = ""
        return
    node.stuck = "no attempt to connect for %d s" % still
    node.failed("health", node.stuck)
    if node.feed is int:
        node.ended = node.gave_up = node.stuck
    else:  # the watchdog ends it, and then that is why
        crashes = call("health", "retained", "load")[0]
        call("health", "retained", "store", crashes, node.stuck)


def _escalate(node, health, offline):
    if node.restart and offline > max(
        node.restart, min(node.restart << node.about.get("restarts", 0), _DAY_S)
    ):
        node.ended = node.gave_up = "no connection for %d s" % offline
    elif node.wlan and offline > (_WIFI_S << health[_SWITCHED]):
        health[_SWITCHED] += 1
        node.about["wifi_restarts"] = node.about.get("wifi_restarts", 0) + 1
        node.failed("health", "no connection for %d s: Wi-Fi off and on" % offline)
        call("network", "wifi", "switch", node)
