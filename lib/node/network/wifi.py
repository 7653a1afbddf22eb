"""Gets the Wi-Fi back, however long it takes, and says in words what is wrong.

Called every second while there is no connection; see node.overlay. Its state between calls is in
the list node.wifi, and node.wlan is the station interface.

After an attempt that found no network the next one begins at once, so that the node joins as soon
as the network is back. If the network refuses it, or the radio fails, the pauses grow.
"""

import network
from micropython import const

from node.overlay import call

_TRY_S = const(20)  # how long one attempt may take: scan, join, DHCP
_STALE_S = const(8)  # the status may be the last attempt's for this long, except on ESP32
_TELL_S = const(4)  # say what is wrong after this long
_PAUSE_S = const(60)  # longest pause between two attempts

# Places in the list node.wifi.
_SSID = const(0)
_PASSWORD = const(1)
_CONNECTS = const(2)  # the client's count: a new connection resets what follows
_AT = const(3)  # s since the attempt began; 0: none is running
_LEFT = const(4)  # s until the next attempt
_PAUSE = const(5)  # s of the last such pause
_TOLD = const(6)  # the status that was last reported


def begin(node, ssid, password, hostname):
    """Give the node its station interface; the first step() connects it."""
    network.hostname(hostname)
    node.wlan = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # a stub knows its name only
    node.wifi = [ssid, password, 0, 0, 0, 0, None]


def switch(node):
    """Switch off; the next step switches on again."""
    node.wifi = node.wifi or [0] * 7
    node.wifi[_LEFT] = 0
    end(node, False, True)


def step(node):
    """After a second without a connection: begin an attempt, look at the running one, or wait."""
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
            look(node)
        else:
            attempt(node)
    except Exception as error:  # a port may raise anything, ESP32 when memory is short
        if wifi[_TOLD] != 0.5:
            wifi[_TOLD] = 0.5  # no status
            # Some raise a MemoryError without text.
            node.failed("wifi", "the radio fails: " + (str(error) or type(error).__name__))
        end(node, True, True)


def attempt(node):
    wlan = node.wlan
    wlan.active(True)
    try:
        # The ESP32's own driver tries forever, and doesn't say meanwhile why it fails.
        wlan.config(reconnects=0)
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        pass  # another port
    node.wifi[_AT] = 1
    wlan.connect(node.wifi[_SSID], node.wifi[_PASSWORD])


def look(node):
    wifi = node.wifi
    wifi[_AT] = at = wifi[_AT] + 1
    status = node.wlan.status()
    failed = fault(status)
    if (failed or at > _TELL_S) and status != wifi[_TOLD]:
        wifi[_TOLD] = status
        said = call("network", "words", "words", status, failed, wifi[_SSID], node.wlan)
        node.failed("wifi", said)
    if failed and (status > 100 or at > _STALE_S):
        end(node, failed > 1, False)
    elif at > _TRY_S:
        end(node, False, True)


def fault(status):
    """Return 0 if a status means running, 1 for failed, 2 for refused.

    Ports differ: ESP32 has codes from 200 on and the reasons of IEEE 802.11, ESP8266 0 to 5, Pico
    W and Pyboard D negative ones. Codes with a name in `network` go by the name.
    """
    # In one text: short ones would stay in RAM for good, as names.
    names = "IDLE CONNECTING GOT_IP NO_AP_FOUND CONNECT_FAIL BEACON_TIMEOUT "
    names += "WRONG_PASSWORD ASSOC_FAIL HANDSHAKE_TIMEOUT"
    named = [getattr(network, "STAT_" + name, None) for name in names.split()]
    if status in named:
        return named.index(status) // 3
    if (named[3] or 0) < 0 <= status:  # Pico W; 2: joined, but no address yet
        return 0
    # ESP32's: the network is full, the password wrong, the security different.
    return 2 if status in (5, 15, 210, 211) else 1


def end(node, pause, off):
    """End an attempt; off: also switch the radio off and on, in case it hangs."""
    wifi = node.wifi
    wifi[_AT] = 0
    if pause:
        wifi[_PAUSE] = wifi[_LEFT] = min(wifi[_PAUSE] * 2 + 1, _PAUSE_S)
    try:
        if off:
            node.wlan.active(False)
        else:
            node.wlan.disconnect()
    except Exception:  # it was reported, and the next attempt switches on first
        pass
