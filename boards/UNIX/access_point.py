# The simulated board's access point. What listens at its address listens on ports of this computer
# that the bench has chosen, so `socket` is replaced while it is open: by this module.
import sys

import usocket
from bench import ask
from usocket import *  # noqa: F403

_ADDRESS = "192.168.4.1"


def getaddrinfo(host, port, *more):
    if host == _ADDRESS:
        host, port = "127.0.0.1", int(ask("port", port) or port)
    return usocket.getaddrinfo(host, port, *more)


class AccessPoint:
    def __init__(self):
        self._set = {"ssid": "petrel", "security": 0, "key": ""}
        self._active = False

    def active(self, on=None):
        if on is None:
            return self._active
        self._active = bool(on)
        if on:
            sys.modules["socket"] = sys.modules["access_point"]
        else:
            sys.modules.pop("socket", None)
            sys.modules.pop("access_point", None)
        self._tell()

    def config(self, *names, **values):
        if names:
            return self._set[names[0]]
        for name in values:
            if name not in self._set:
                raise ValueError("unknown config param")
        if not self._active:
            raise OSError("Wifi Not Started")  # as on an ESP32
        self._set.update(values)
        self._tell()

    def _tell(self):
        ssid = self._set["ssid"] if self._active else ""
        key = self._set["key"] if self._set["security"] else ""
        ask("access_point", ssid.encode().hex() or "-", key.encode().hex() or "-")

    def ifconfig(self, values=None):
        if values is None:
            return (_ADDRESS, "255.255.255.0", _ADDRESS, "0.0.0.0")
