# Offers to set the Wi-Fi, as an ESP8266 does from its files, to a client on the standard input.
# Prints the most heap that it takes while it waits, and what is left of that afterwards.
import gc
import json
import sys

sys.path[:] = ["lib", ".frozen"]


class Wlan:
    """A radio: two networks, one password."""

    joined = False

    def active(self, on):
        pass

    def config(self, **options):
        pass

    def connect(self, ssid, password):
        self.said = 1010 if password == "password" else 202
        self.joined = self.said == 1010

    def disconnect(self):
        self.joined = False

    def isconnected(self):
        return self.joined

    def status(self, what=None):
        return -50 if what else self.said

    def scan(self):
        return [(b"home", b"", 1, -60, 3, False), (b"other", b"", 1, -50, 0, False)]

    def ifconfig(self):
        return ("192.168.1.5", "", "", "")


class Network:
    """The module `network` of an ESP32."""

    STA_IF = 0
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202
    wlan = Wlan()

    def hostname(self, name):
        pass

    def WLAN(self, _):  # noqa: N802  # as MicroPython has it
        return self.wlan


class Time:
    """The module `time`, which looks at the heap whenever nothing comes."""

    def __init__(self):
        import time

        self.ticks_ms, self.ticks_add, self.ticks_diff = (
            time.ticks_ms,
            time.ticks_add,
            time.ticks_diff,
        )
        self._sleep_ms = time.sleep_ms
        self.sleep_ms = lambda ms: self.rest(ms)
        self.most = 0

    def rest(self, ms):
        gc.collect()
        self.most = max(self.most, gc.mem_alloc())
        self._sleep_ms(ms)


sys.modules["network"] = Network()
sys.modules["time"] = clock = Time()
import node.overlay  # noqa: E402

taken = []
for _ in range(2):  # the first one makes names that stay
    with open("config.json", "rb") as file:
        config = json.loads(file.read())
    Network.wlan.joined = False
    gc.collect()
    before = gc.mem_alloc()
    clock.most = before
    node.overlay.call("provision", "offer", "offer", config, 3)
    gc.collect()
    taken = clock.most - before, gc.mem_alloc() - before
    with open("config.json") as file:
        print(json.loads(file.read())["wifi"])
    if not Network.wlan.joined:
        break
print(*taken)
