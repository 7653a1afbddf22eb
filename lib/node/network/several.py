"""Several Wi-Fi networks, or one of which the config says more than its password, as one station.

node.network.wifi looks after it as after any other. Which network is tried, and when the next one
is, decides node.network.many_networks, which is loaded at the beginning and the end of an attempt.
"""

import network

from node.overlay import call


class Station:
    """The station interface, which joins the network whose turn it is."""

    def __init__(self, node, wlan):
        self.node = node
        self.wlan = wlan
        # As they are: isconnected() is called all the time.
        self.isconnected = wlan.isconnected
        self.config = wlan.config
        self.status = wlan.status

    def active(self, on):
        """Switch the radio on for an attempt, or off after one."""
        if not on:
            call("network", "many_networks", "turn", self.node)
        self.wlan.active(on)

    def connect(self, *_):
        """Begin an attempt."""
        call("network", "many_networks", "join", self.node, self.wlan)

    def disconnect(self):
        """End an attempt."""
        call("network", "many_networks", "turn", self.node)
        self.wlan.disconnect()


def begin(node, networks, hostname):
    """Give the node its station interface, as node.network.wifi.begin does."""
    first = networks[0]
    network.hostname(first.get("hostname") or hostname)
    if "country" in first:
        network.country(first["country"])
    wlan = network.WLAN(network.STA_IF)  # type: ignore[call-arg]  # as in network.wifi
    node.wlan = Station(node, wlan)
    node.wifi = [
        first["ssid"], first.get("password"), 0, 0, 0, 0, None, networks, 0,
        [None] * len(networks), 0, False, 0,
    ]  # fmt: skip
    node.about["network"] = first["ssid"]
