# The simulated board's `network`: one station, whose access point is on the bench, and one access
# point, see access_point. The status codes are the ESP32 port's.
from bench import ask

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202

_hostname = "petrel"


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    _hostname = name


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    SEC_OPEN = 0
    SEC_WPA2 = 3

    def __new__(cls, interface=STA_IF):
        if interface == AP_IF:
            from access_point import AccessPoint  # nobody else needs its RAM

            return AccessPoint()
        return object.__new__(cls)

    def __init__(self, interface=STA_IF):
        self._active = False

    def active(self, on=None):
        if on is None:
            return self._active
        self._active = bool(on)
        if not on:
            self.disconnect()

    def connect(self, ssid=None, key=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        ask("join", (ssid or "").encode().hex() or "-", (key or "").encode().hex() or "-")

    def disconnect(self):
        ask("leave")

    def status(self, what=None):
        if what == "rssi":
            return int(ask("rssi") or -50)
        if what is not None:
            raise ValueError("unknown status param")
        return int(ask("wifi") or STAT_GOT_IP)

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def scan(self):
        """Return (ssid, bssid, channel, rssi, security, hidden) for each network in range."""
        found = []
        for line in (ask("scan") or "").split():
            name, rssi = line.split(",")
            found.append(
                (bytes.fromhex(name), b"\x02\x00\x00\x00\x00\x01", 6, int(rssi), 3, False)
            )
        return found

    def config(self, *names, **values):
        if names:
            return {"mac": b"\x02\x00\x00\x00\x00\x02", "hostname": _hostname}[names[0]]

    def ifconfig(self):
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")

    def ipconfig(self, name):
        return {"addr4": ("127.0.0.1", "255.0.0.0"), "gw4": "127.0.0.1"}[name]
