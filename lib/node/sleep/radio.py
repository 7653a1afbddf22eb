"""Joins the access point of the last wake at once: a search through all channels takes seconds.

Only for a plain Wi-Fi. Of several networks, or one with an address of its own, the config says
what to join. If that access point doesn't answer, node.network.wifi tries any of the network.
"""

from micropython import const

# Places in the list node.wifi, see node.network.wifi.
_SSID = const(0)
_PASSWORD = const(1)
_AT = const(3)
_TOLD = const(6)  # None: the first attempt was a good one
_PLAIN = const(7)  # how many places the list has then
_NONE = const(b"\0\0\0\0\0\0")


def join(node, bssid):
    """Begin an attempt with that access point, at which node.network.wifi then looks."""
    wifi, wlan = node.wifi, node.wlan
    if bssid == _NONE or not wifi or len(wifi) != _PLAIN:
        return
    node.bssid = bssid
    if wlan.isconnected():  # an ESP8266 may have done it by itself
        return
    try:
        wlan.active(True)
        try:
            wlan.config(reconnects=0)  # as node.network.wifi does
        except (ValueError, TypeError, KeyError, AttributeError, OSError):
            pass
        wlan.connect(wifi[_SSID], wifi[_PASSWORD], bssid=bssid)
        wifi[_AT] = 1
    except Exception:  # a port may raise anything; the next attempt goes without
        pass


def nearest(node):
    """Return the access point for the next wake, six zeros for none.

    The one that it joined at once, or the strongest in reach: that search takes seconds, but comes
    only after a cold start, or when that one has gone.
    """
    wifi = node.wifi
    if not wifi or len(wifi) != _PLAIN:
        return _NONE
    gone = node.bssid != _NONE and wifi[_TOLD] is not None and node.up_ms < node.most_ms
    if not node.client.up or not (node.cold or gone):
        return node.bssid
    best, found = -1000, _NONE
    try:
        for each in node.wlan.scan():
            if each[0] == wifi[_SSID].encode() and each[3] > best:
                best, found = each[3], bytes(each[1])
    except Exception:  # as above
        return _NONE
    return found
