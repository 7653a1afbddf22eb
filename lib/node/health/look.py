"""Checks every few seconds whether the node makes progress, and acts if it doesn't.

The loop (node.app) feeds the watchdog, but only while the connection makes progress as well. If it
doesn't, `node.stuck` says so, and without a watchdog the node restarts itself.
The client retries a failed connection. After five minutes the Wi-Fi is switched off and on, again
after twice as long, and so on. After an hour the board restarts and keeps what is waiting, the
next time after two hours, up to a day. Every step is counted and reported.
"""

from micropython import const

from node.overlay import call

_HEALTHY_S = const(60)  # a node that ran this long didn't crash at its start
_SAFE_S = const(600)  # how long it stays in safe mode
_STILL_S = const(180)  # no attempt to connect began or ended for this long
_WIFI_S = const(300)  # time without a connection before the Wi-Fi is first switched
_DAY_S = const(86_400)

# Places in the list node.health: two times of uptime, and counts.
_UP = const(0)  # when there was last a connection
_MOVED = const(1)  # when something last happened to it
_FAILURES = const(2)
_SWITCHED = const(3)  # how often the Wi-Fi was switched off and on since _UP


def look(node):
    """Look at everything; sets node.stuck, switches the Wi-Fi, or ends the node with a reason."""
    now = node.uptime
    health = node.health
    if health is None:
        node.health = health = [now, now, 0, 0]
    connection(node, health, now)
    if node.offer and node.wlan and not (node.proven and node.client.up):
        call("provision", "look", "look", node, now - health[_UP])
    if node.safe:
        if now >= _SAFE_S:
            node.ended = "safe mode is over"
    elif now >= _HEALTHY_S and not node.proven:
        call("health", "retained", "healthy", node)
        node.proven = True
    stalled(node, now - health[_MOVED])
    about = node.about
    if "changed" in about:
        call("config", "changed", "look", node)
    if not (node.stuck or about.get("changed")):  # 0: it is back, and only has to tell it
        retry(node, health, now - health[_UP])


def connection(node, health, now):
    client = node.client
    if client.up:
        if node.about.pop("restarts", 0):  # they helped, or weren't needed
            crashes, _, why = call("health", "retained", "load")
            call("health", "retained", "store", crashes, why)
        health[_UP] = health[_MOVED] = now
        health[_SWITCHED] = 0
    elif client.failures != health[_FAILURES] or node.wlan and not node.wlan.isconnected():
        health[_FAILURES] = client.failures
        health[_MOVED] = now


def stalled(node, seconds):
    if seconds <= _STILL_S:
        node.stuck = ""
        return
    node.stuck = "no attempt to connect for %d s" % seconds
    node.failed("health", node.stuck)
    if node.feed is int:
        node.ended = node.gave_up = node.stuck
    else:  # the watchdog will end it, for this reason
        crashes = call("health", "retained", "load")[0]
        call("health", "retained", "store", crashes, node.stuck)


def retry(node, health, seconds):
    """Act on so many seconds without a connection."""
    about = node.about
    if node.restart and seconds > max(
        node.restart, min(node.restart << about.get("restarts", 0), _DAY_S)
    ):
        node.ended = node.gave_up = "no connection for %d s" % seconds
    elif node.wlan and seconds > (_WIFI_S << health[_SWITCHED]):
        health[_SWITCHED] += 1
        about["wifi_restarts"] = about.get("wifi_restarts", 0) + 1
        node.failed("health", "no connection for %d s" % seconds + ": Wi-Fi off and on")
        call("network", "wifi", "switch", node)
