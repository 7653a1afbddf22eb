"""Joins one of several Wi-Fi networks, or one of which the config says more than its password.

Called by node.network.several, and forgotten. The networks are tried in their order, beginning
with the one that was used last. After each round in which a router refused the node the pause
grows. The list node.wifi is longer than that of a node with a plain network.
"""

import network
from micropython import const

_PAUSE_S = const(60)  # longest pause between two rounds

# Places in the list node.wifi, see node.network.wifi.
_SSID = const(0)
_PASSWORD = const(1)
_LEFT = const(4)
_TOLD = const(6)
# And behind those.
_NETWORKS = const(7)  # the config's list; a tuple of one if it has none
_WHICH = const(8)  # of them is tried, or used
_ALL_TOLD = const(9)  # the status last reported of each
_CONNECTS = const(10)  # the client's count when that began
_REFUSED = const(11)  # a router has refused the node in this round
_PAUSE = const(12)  # s of the last pause after a round


def join(node, wlan):
    """Begin an attempt to join the network whose turn it is; the radio is on."""
    wifi = node.wifi
    networks = wifi[_NETWORKS]
    chosen = networks[wifi[_WHICH]]
    _radio(node, wlan, networks[0])
    if "address" in chosen:
        dns = chosen.get("dns") or chosen["gateway"]
        wlan.ifconfig((chosen["address"], chosen["mask"], chosen["gateway"], dns))
    elif any("address" in each for each in networks):
        wlan.ifconfig("dhcp")  # it may still have that of another network
    if "bssid" in chosen:
        station = bytes([int(part, 16) for part in chosen["bssid"].split(":")])
        wlan.connect(wifi[_SSID], wifi[_PASSWORD], bssid=station)
    else:
        wlan.connect(wifi[_SSID], wifi[_PASSWORD])


def turn(node):
    """An attempt has ended: the next network's turn, at once if the round is not over.

    node.network.wifi wants a pause if the router did not want the node, or the radio failed.
    """
    wifi = node.wifi
    networks = wifi[_NETWORKS]
    told = wifi[_ALL_TOLD]
    told[wifi[_WHICH]] = wifi[_TOLD]
    if wifi[_CONNECTS] != node.client.connects:
        wifi[_CONNECTS] = node.client.connects
        wifi[_PAUSE] = 0
        told[:] = [None] * len(networks)
    wifi[_WHICH] = which = (wifi[_WHICH] + 1) % len(networks)
    wifi[_SSID] = node.about["network"] = networks[which]["ssid"]
    wifi[_PASSWORD] = networks[which].get("password")
    wifi[_TOLD] = told[which]
    wifi[_REFUSED] = wifi[_REFUSED] or wifi[_LEFT] > 0
    wifi[_LEFT] = 0
    if wifi[_REFUSED] and not which:
        wifi[_REFUSED] = False
        wifi[_PAUSE] = wifi[_LEFT] = min(wifi[_PAUSE] * 2 + 1, _PAUSE_S)


def _radio(node, wlan, first):
    """Set what the config says of the radio, as far as the port can."""
    kind = network.WLAN
    for name, key, value in (
        ("txpower", "power", first.get("power")),
        ("pm", "powersave", getattr(kind, "PM_POWERSAVE" if first.get("powersave") else "PM_NONE",
                                    None)),
    ):  # fmt: skip
        if key not in first:
            continue
        try:
            wlan.config(**{name: value})
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            if node.wifi[_TOLD] is None:  # once is enough
                node.failed("wifi", "wifi.%s: this port can't set it (%s)" % (key, error))
