# What the simulated board's `network` has besides, see there.
from bench import ask
from network_interface import Interface

PHY_LAN8720 = 1
PHY_IP101 = 2
PHY_W5500 = 102
ETH_STARTED = 1
ETH_CONNECTED = 3
ETH_GOT_IP = 5


def country(code):
    ask("setting", "country", code)


class LAN(Interface):
    def __init__(self, *, phy_type, phy_addr, **pins):
        super().__init__()
        ask("setting", "lan", phy_type)

    def status(self):
        return ETH_GOT_IP if self.isconnected() else ETH_STARTED

    def isconnected(self):
        return self._active and ask("cable") != "0"
