"""Gets the Wi-Fi back, for ever, and says in words what keeps it away.

Called every second while there is no connection, see node.overlay; what it remembers meanwhile
stands in the node: wlan, the station interface; login, name and password; wifi_at, s since the
attempt began, 0 before one; wifi_left, s until the next may begin; wifi_pause, the last such
pause; wifi_told, the status that was told last. All are 0 or None after a connection.

An attempt that found no network is followed by the next at once, so that one that comes back is
joined at once. Where the network refuses us, or the radio fails, the pauses grow.
"""

import network
from micropython import const

from node.overlay import call

_TRY_S = const(20)  # how long one attempt may take: scan, join, DHCP
_STALE_S = const(8)  # so long a status may be that of the attempt before, but on ESP32
_TELL_S = const(4)  # after that at the latest it is said what is missing
_PAUSE_S = const(60)  # longest pause between two attempts
_NAMES = (
    "STAT_IDLE", "STAT_CONNECTING", "STAT_GOT_IP",
    "STAT_NO_AP_FOUND", "STAT_CONNECT_FAIL", "STAT_BEACON_TIMEOUT",
    "STAT_WRONG_PASSWORD", "STAT_ASSOC_FAIL", "STAT_HANDSHAKE_TIMEOUT",
)  # fmt: skip
_REFUSED = (5, 15, 210, 211)  # ESP32: full, a wrong password, another security


def begin(node, ssid, password, hostname):
    """Give the node its station interface; the first step() connects it."""
    network.hostname(hostname)
    node.wlan = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # a stub knows its name only
    node.login = (ssid, password)
    node.wifi_at = node.wifi_left = node.wifi_pause = 0
    node.wifi_told = None


def switch(node):
    """Off; the next step switches on again."""
    node.wifi_left = 0
    _end(node, False, True)


def step(node):
    """A second without a connection: begin an attempt, look at the one that runs, or wait."""
    if node.wifi_left:
        node.wifi_left -= 1
        return
    try:
        if node.wifi_at:
            _look(node)
        else:
            _begin(node)
    except Exception as error:  # a port may raise anything, ESP32 for want of memory
        if node.wifi_told != "radio":
            node.wifi_told = "radio"
            node.failed("wifi", "the radio fails: %s" % error)
        _end(node, True, True)


def _begin(node):
    wlan = node.wlan
    wlan.active(True)
    try:
        # ESP32's own driver tries for ever, and meanwhile does not say why it fails.
        wlan.config(reconnects=0)
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        pass  # another port
    node.wifi_at = 1
    wlan.connect(*node.login)


def _look(node):
    node.wifi_at = at = node.wifi_at + 1
    status = node.wlan.status()
    failed = _failure(status)
    if (failed or at > _TELL_S) and status != node.wifi_told:
        node.wifi_told = status
        node.failed("wifi", call("wifi_words", "words", status, failed, node.login[0], node.wlan))
    if failed and (status > 100 or at > _STALE_S):
        _end(node, failed > 1, False)
    elif at > _TRY_S:
        _end(node, False, True)


def _failure(status):
    """Return 0 for a status of an attempt that runs, 1 of one that failed, 2 if we were refused.

    Ports differ: ESP32 has codes from 200 on and the reasons of IEEE 802.11, ESP8266 0 to 5, Pico
    W and Pyboard D negative ones. What has a name in `network` goes by its name.
    """
    named = [getattr(network, name, None) for name in _NAMES]
    if status in named:
        return named.index(status) // 3
    if (named[3] or 0) < 0 <= status:  # Pico W; 2: it has joined, and no address yet
        return 0
    return 2 if status in _REFUSED else 1


def _end(node, pause, off):
    """The attempt is over; off: also switch the radio off and on, in case it hangs."""
    node.wifi_at = 0
    if pause:
        node.wifi_pause = node.wifi_left = min(node.wifi_pause * 2 + 1, _PAUSE_S)
    try:
        if off:
            node.wlan.active(False)
        else:
            node.wlan.disconnect()
    except Exception:  # whatever it is: it was told, and the next attempt begins by switching on
        pass
