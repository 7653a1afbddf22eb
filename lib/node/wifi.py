"""Keeps the Wi-Fi connected, for ever: the network is retried like everything else."""

import network
from micropython import const

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_TRY_S = const(20)  # how long one attempt may take: scan, join, DHCP
_PAUSE_S = const(60)  # longest pause between two attempts


class Wifi:
    """The station interface of the board. step() is called every second.

    drops: how often a connection was lost; error: why the last attempt failed, in words
    """

    def __init__(self, ssid, password, hostname):
        self.drops = 0
        self.error = ""
        # The stubs of STM32 know WLAN by its name alone; the port has all that is used here.
        self.wlan: "Any" = network.WLAN(network.STA_IF)  # type: ignore[call-arg]
        self._login = (ssid, password)
        self._left = 0  # s until the attempt, or the pause after it, is over
        self._pause = 0  # s of the last pause, 0 while an attempt is under way or stands
        self._stood = False
        network.hostname(hostname)

    def up(self):
        """True while the board has an address."""
        return self.wlan.isconnected()

    def step(self):
        """Look after the connection: begin an attempt, end one that failed, note a loss."""
        wlan = self.wlan
        if self.up():
            self._stood = True
            self._left = self._pause = 0
            self.error = ""
            return
        if self._stood:
            self._stood = False
            self.drops += 1
        if self._left > 1:
            self._left -= 1
        elif self._left:
            self._left = 0
            if wlan.active():  # the time of an attempt is over
                self.error = self._why()
                print("Petrel:", self.error)
                # Off and on again: a driver that keeps trying by itself hides why it fails.
                wlan.active(False)
                self._pause = self._left = min(self._pause * 2 + 1, _PAUSE_S)
        else:
            wlan.active(True)
            try:
                wlan.connect(*self._login)
            except OSError as error:
                self.error = "wifi: %s" % error
            self._left = _TRY_S

    def _why(self):
        status = self.wlan.status()
        if status == getattr(network, "STAT_WRONG_PASSWORD", None):
            return "wifi.password: refused by " + self._login[0]
        return "wifi.ssid: no connection to %s (status %s)" % (self._login[0], status)
