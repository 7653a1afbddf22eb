"""Gets the Wi-Fi back, however long it takes, and says in words what keeps it away.

Called every second while there is no connection, see node.overlay; what it remembers meanwhile
stands in the list node.wifi, and node.wlan is the station interface.

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

# What is remembered, in node.wifi.
_SSID = const(0)
_PASSWORD = const(1)
_CONNECTS = const(2)  # of the client: since the last one all that follows begins again
_AT = const(3)  # s since the attempt began, 0 before one
_LEFT = const(4)  # s until the next may begin
_PAUSE = const(5)  # s of the last such pause
_TOLD = const(6)  # the status that was told last


def begin(node, ssid, password, hostname):
    """Give the node its station interface; the first step() connects it."""
    network.hostname(hostname)
    node.wlan = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # a stub knows its name only
    node.wifi = [ssid, password, 0, 0, 0, 0, None]


def switch(node):
    """Off; the next step switches on again."""
    node.wifi = node.wifi or [0] * 7
    node.wifi[_LEFT] = 0
    _end(node, False, True)


def step(node):
    """A second without a connection: begin an attempt, look at the one that runs, or wait."""
    wifi = node.wifi
    if wifi[_CONNECTS] != node.client.connects:
        wifi[_CONNECTS] = node.client.connects
        wifi[_AT] = wifi[_LEFT] = wifi[_PAUSE] = 0
        wifi[_TOLD] = None
    if wifi[_LEFT]:
        wifi[_LEFT] -= 1
        return
    try:
        if wifi[_AT]:
            _look(node)
        else:
            _begin(node)
    except Exception as error:  # a port may raise anything, ESP32 when memory is short
        if wifi[_TOLD] != 0.5:
            wifi[_TOLD] = 0.5  # no status
            # Some raise a MemoryError without a text.
            node.failed("wifi", "the radio fails: " + (str(error) or type(error).__name__))
        _end(node, True, True)


def _begin(node):
    wlan = node.wlan
    wlan.active(True)
    try:
        # ESP32's own driver tries forever, and meanwhile does not say why it fails.
        wlan.config(reconnects=0)
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        pass  # another port
    node.wifi[_AT] = 1
    wlan.connect(node.wifi[_SSID], node.wifi[_PASSWORD])


def _look(node):
    wifi = node.wifi
    wifi[_AT] = at = wifi[_AT] + 1
    status = node.wlan.status()
    failed = _failure(status)
    if (failed or at > _TELL_S) and status != wifi[_TOLD]:
        wifi[_TOLD] = status
        said = call("network", "words", "words", status, failed, wifi[_SSID], node.wlan)
        node.failed("wifi", said)
    if failed and (status > 100 or at > _STALE_S):
        _end(node, failed > 1, False)
    elif at > _TRY_S:
        _end(node, False, True)


def _failure(status):
    """Return 0 for a status of an attempt that runs, 1 of one that failed, 2 if we were refused.

    Ports differ: ESP32 has codes from 200 on and the reasons of IEEE 802.11, ESP8266 0 to 5, Pico
    W and Pyboard D negative ones. What has a name in `network` goes by its name.
    """
    # In one text: short ones would be names that stay in RAM for good.
    names = "IDLE CONNECTING GOT_IP NO_AP_FOUND CONNECT_FAIL BEACON_TIMEOUT "
    names += "WRONG_PASSWORD ASSOC_FAIL HANDSHAKE_TIMEOUT"
    named = [getattr(network, "STAT_" + name, None) for name in names.split()]
    if status in named:
        return named.index(status) // 3
    if (named[3] or 0) < 0 <= status:  # Pico W; 2: it has joined, and no address yet
        return 0
    # Of ESP32: full, a wrong password, another security.
    return 2 if status in (5, 15, 210, 211) else 1


def _end(node, pause, off):
    """The attempt is over; off: also switch the radio off and on, in case it hangs."""
    wifi = node.wifi
    wifi[_AT] = 0
    if pause:
        wifi[_PAUSE] = wifi[_LEFT] = min(wifi[_PAUSE] * 2 + 1, _PAUSE_S)
    try:
        if off:
            node.wlan.active(False)
        else:
            node.wlan.disconnect()
    except Exception:  # whatever it is: it was told, and the next attempt begins by switching on
        pass
