# The simulated board's `network`: a station, an access point (see access_point) and Ethernet. What
# is at their other end is on the bench. The names and the status codes are the ESP32 port's.
from bench import ask
from network_interface import Interface

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


class WLAN(Interface):
    IF_STA = STA_IF
    IF_AP = AP_IF
    SEC_OPEN = 0
    SEC_WPA2 = 3
    PM_NONE = 0
    PM_POWERSAVE = 2

    def __new__(cls, interface=STA_IF):
        if interface == AP_IF:
            from access_point import AccessPoint  # nobody else needs its RAM

            return AccessPoint()
        return object.__new__(cls)

    def __init__(self, interface=STA_IF):
        super().__init__()

    def connect(self, ssid=None, key=None, *, bssid=b""):
        if not self._active:
            raise OSError("Wifi Not Started")
        ask("join", _hex((ssid or "").encode()), _hex((key or "").encode()), _hex(bssid))

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
            name, bssid, channel, rssi = line.split(",")
            found.append(
                (bytes.fromhex(name), bytes.fromhex(bssid), int(channel), int(rssi), 3, False)
            )
        return found

    def config(self, *names, **values):
        if names:
            return {"mac": b"\x02\x00\x00\x00\x00\x02", "hostname": _hostname}[names[0]]
        for name, value in values.items():
            if name in ("txpower", "pm"):
                ask("setting", name, value)


def _hex(data):
    return data.hex() or "-"


def __getattr__(name):
    # What few nodes use takes no room in the heap of the others.
    return getattr(__import__("network_more"), name)
