"""Gets the Wi-Fi back, for ever: the network is retried like everything else.

Called every second while there is no connection, see node.overlay; what it remembers meanwhile
stands in the node: wlan, the station interface; login, name and password; wifi_left, s until the
attempt or the pause is over; wifi_pause, s of the last pause. Both are 0 after a connection.
"""

import network
from micropython import const

_TRY_S = const(20)  # how long one attempt may take: scan, join, DHCP
_PAUSE_S = const(60)  # longest pause between two attempts


def begin(node, ssid, password, hostname):
    """Give the node its station interface; the first step() connects it."""
    network.hostname(hostname)
    node.wlan = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # a stub knows its name only
    node.login = (ssid, password)
    node.wifi_left = node.wifi_pause = 0


def step(node):
    """A second without a connection: begin an attempt, end one that failed, or wait."""
    wlan = node.wlan
    if node.wifi_left > 1:
        node.wifi_left -= 1
    elif not node.wifi_left:
        wlan.active(True)
        try:
            wlan.connect(*node.login)
        except OSError as error:
            node.failed("wifi", error)
        node.wifi_left = _TRY_S
    elif wlan.active():  # the time of an attempt is over
        node.failed("wifi", _why(wlan, node.login[0]))
        # Off and on again: a driver that keeps trying by itself hides why it fails.
        wlan.active(False)
        node.wifi_pause = node.wifi_left = min(node.wifi_pause * 2 + 1, _PAUSE_S)
    else:
        node.wifi_left = 0


def _why(wlan, ssid):
    status = wlan.status()
    if status == getattr(network, "STAT_WRONG_PASSWORD", None):
        return "the password was refused by " + ssid
    return "no connection to %s (status %s)" % (ssid, status)
