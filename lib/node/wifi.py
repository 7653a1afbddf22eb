"""Keeps the Wi-Fi connected, for ever: the network is retried like everything else."""

import asyncio

import network
from micropython import const

_TRY_S = const(20)  # how long one attempt may take: scan, join, DHCP
_LOOK_S = const(5)  # pause between two looks at a connection that stands
_PAUSE_S = const(60)  # longest pause between two attempts


class Wifi:
    """The station interface of the board.

    why: what the last failed attempt came to, in words; drops: how often a connection was lost
    """

    def __init__(self, ssid, password, hostname):
        self._ssid = ssid
        self._password = password
        self.why = ""
        self.drops = 0
        network.hostname(hostname)
        self.wlan = network.WLAN(network.STA_IF)

    def up(self):
        """True while the board has an address."""
        return self.wlan.isconnected()

    def rssi(self):
        """Signal strength in dBm, None where it cannot be told."""
        try:
            return self.wlan.status("rssi")
        except (OSError, ValueError, TypeError):
            return None

    async def keep(self):
        """Connect, watch, connect again."""
        pause = 1
        while True:
            self.wlan.active(True)
            try:
                self.wlan.connect(self._ssid, self._password)
            except OSError as error:
                self.why = "Wi-Fi: %s" % error
            for _ in range(_TRY_S * 4):
                if self.up():
                    break
                await asyncio.sleep_ms(250)
            if self.up():
                pause = 1
                self.why = ""
                while self.up():
                    await asyncio.sleep(_LOOK_S)
                self.drops += 1
                continue
            self.why = self._reason()
            print("Petrel:", self.why)
            # Off and on again: a driver that keeps trying by itself hides why it fails.
            self.wlan.disconnect()
            self.wlan.active(False)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_S)

    def _reason(self):
        status = self.wlan.status()
        if status == getattr(network, "STAT_WRONG_PASSWORD", None):
            return "wifi.password: the access point %s refused it" % self._ssid
        if status == getattr(network, "STAT_NO_AP_FOUND", None):
            return "wifi.ssid: no access point named %s in reach" % self._ssid
        return "wifi: no connection to %s (status %s)" % (self._ssid, status)
