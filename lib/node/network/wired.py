"""Ethernet as if it were a station, so that node.network.wifi looks after it as after Wi-Fi.

What it does is in node.network.ethernet_link, which is loaded while there is no connection.
"""

import network
from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_AT = const(3)  # place in the list node.wifi


class Station:
    """The interface, or its place until the chip has answered."""

    def __init__(self, node, section):
        self.node = node
        self.section = section  # of the config
        self.lan: "Any" = None  # the interface
        self.since = 0  # s since it was switched on or connected; 0: it is off
        self.connects = 0  # the client's count then

    def isconnected(self):
        """Return whether there is a link and an address."""
        return self.lan is not None and self.lan.isconnected()

    def active(self, on):
        """Bring it up and look what is missing, once a second; or switch it off."""
        call("network", "ethernet_link", "look" if on else "off", self, self.node)

    def connect(self, *_):
        """Have active() called in the next second again: the chip connects by itself."""
        self.node.wifi[_AT] = 0


def begin(node, section, hostname):
    """Prepare the node for Ethernet; the first step of node.network.wifi brings it up."""
    network.hostname(section.get("hostname") or hostname)
    node.wlan = Station(node, section)
    node.wifi = [None, None, 0, 0, 0, 0, None]  # it has no name
    node.about["network"] = "ethernet"
