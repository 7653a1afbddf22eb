# Offers to set the Wi-Fi, as an ESP8266 does from its files, to a client on the standard input.
# Prints the most heap that it takes while it waits, and what is left of that afterwards.
# Arguments, for an access point as well: the ports of its page and its name server here, and the
# image of a ROMFS to run from, if not from files.
import gc
import json
import os
import sys

FREE = int(os.getenv("FREE") or 65536)
PORTS = {80: int(sys.argv[1]), 53: int(sys.argv[2])} if sys.argv[1:] else {}
if sys.argv[3:]:
    import ffi
    import uctypes
    import vfs

    size = os.stat(sys.argv[3])[6]
    libc = ffi.open(None)
    handle = libc.func("i", "open", "si")(sys.argv[3], 0)
    address = libc.func("p", "mmap", "pIiiii")(None, size, 1, 2, handle, 0)
    vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(address & 0xFFFFFFFF, size))), "/rom")
    sys.path[:] = ["/rom", ".frozen"]
else:
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


class AccessPoint:
    """An access point; the phone is a program on this computer."""

    def active(self, on):
        pass

    def config(self, *names, **options):
        pass

    def ifconfig(self, *_):
        return ("127.0.0.1", "", "", "")


class Socket:
    """The module `socket`, whose ports are here."""

    def __init__(self):
        import socket

        for name in dir(socket):
            setattr(self, name, getattr(socket, name))
        self._find = socket.getaddrinfo
        self.getaddrinfo = lambda host, port, *_: self._find(host, PORTS.get(port, port))


class Network:
    """The module `network` of an ESP32."""

    STA_IF, AP_IF = 0, 1
    access = AccessPoint()
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202
    wlan = Wlan()

    def hostname(self, name):
        pass

    def WLAN(self, which):  # noqa: N802  # as MicroPython has it
        return self.access if which else self.wlan


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
sys.modules["socket"] = Socket()
sys.modules["time"] = clock = Time()
import node.overlay  # noqa: E402

taken = []
for _ in range(2):  # the first one makes names that stay
    if PORTS:
        print("next")
    with open("config.json", "rb") as file:
        config = json.loads(file.read())
    Network.wlan.joined = False
    gc.collect()
    before = gc.mem_alloc()
    ballast = []
    while PORTS and gc.mem_free() > FREE:
        ballast.append(bytearray(512))
    gc.collect()
    before = gc.mem_alloc()
    clock.most = before
    node.overlay.call("provision", "offer", "offer", config, 600 if PORTS else 0)
    gc.collect()
    taken = clock.most - before, gc.mem_alloc() - before
    with open("config.json") as file:
        print(json.loads(file.read())["wifi"])
    if not Network.wlan.joined:
        break
print(*taken)
