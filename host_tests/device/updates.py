"""A release for tests inside MicroPython, a node that fetches it, and a server in the same place.

The key signs nothing but what tests make.
"""

import os
import sys
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from node.update.hook import on_message

MODULUS = a2b_base64(
    "un4GJXi5HgNwWz5rC7QMncYv8c+wjTND0sS45ddi2x+5pCF4x6d56knWt4V6Wnoz9HPaGqh2X654xFJVUvcGzFQ4"
    "5rfSNCCkdXrIilrG6ccNF30nwS8OQR8twnB1XJTpAGfH1hLLK8qEZm4DFoe0R0t0SRtaaO3SL9YkVHSwwHyS4gFh"
    "aZnIrMB9G3RsXpbY7h6/F02fKkqRby353sF1z7JoTGhE4v9b/Ckw3NiCqmfxdQ9Z6iRbimuwMsinc6NVB0W7uPCI"
    "/hbK3ESL/VOqbMcW3atXRMbBEKh4k89MFSMJA0E+mUjhfb+oKCFWLrinVw1XWg7ttG7bEe9BUbbpFHIQXTcsghtC"
    "MRUE7r6onWu3pCAtKjy8noZvXC1MfCpuhuOoVAyU3TwmsMG1fqLjK46JrcfA73F/CwAxG6qi+4Hrau7P2QbQDZh8"
    "igb90cL9IoxGoKL3dkGbaw9KlVG3bwEKMY7x2HGq1BCs0WbNBkEWu42+pGBlKnz+VK6my7Sv"
)
# Its two primes, and what is made of them for speed (RFC 8017, 3.2).
P = a2b_base64(
    "3+Iup8buPvQi/dIWZkFNnTFQib/O1sWNUAJzWpp0l8Xbnc92P9QVajhFGyDraigKel6nzphf/mYopGtT3JRtmjpe"
    "m4plUH5PkUx9FPPie43rK6EaexjuoJrDlbCwlpv/Aua1N0JtiK6pll2cT1quOexmK8m6lvNY+EloQIyqvZpo1Kx8"
    "JarvM6lq6V+ccaAeJkIJoJfXnBbeZlPCt4eAq2KJWVeXFVEdp3HzjhYLmLe60DHay+x0ID3zjQys2Ym5"
)
Q = a2b_base64(
    "1T6zAaFNt+CmLlr7/NA45+wk1pewmmkoJJSp+pIcdrzGgMfDdSnokEkIW5P2l1nHxa/sLXgu0R+rDhSB6zjOnpCB"
    "OxKnGmZKD6RxtxtoUx6lE54jpsvjz1JDPKbXkMLShZorp6EP32p5wHGgYnYbU188fGfLmNYsla6kWtlf6lyTKRUV"
    "Bpy3iBqp8QvOgjWWP3zhCCu9YNyiUOc6eUgqWAxDb4MtvF8+mwnTIoJ22sOIe2UBMf4qQFTcYX5q5EWn"
)
DP = a2b_base64(
    "F0RvatpeykYfGNfrogbpZQvJ/fbkLSfszsLicCkbMubKMzVraajF7PsaG36pWKf+pscNk4f8efjuAmBxH7yBQ4UL"
    "bgjNDLeD12rmmPXbtNGD/k3I7cAilKhg6T6qq4xczVViwfJyZcEZONpTs1+OOdDasXROov95YJxobETyPbA9ctTW"
    "Nif0oh7aUJSyMpDccUdtrrX5H2y1Ald0JhS8B5O/CHz0469BcLSEBmE+JUn67UYxIf5Z9zvZAvCtShJp"
)
DQ = a2b_base64(
    "lSKWeotfGTwpvL2xAex1/+0tDk9kGXl1s6+s+Sr6cSgxA5ux3N0EYvRQvgtLKCqIBn+0g1BMHcEyFlTNT76Y8lhJ"
    "qRCwgUwMe8gcJ10ppwgFlyS/9kUd+76ie2aL2BgIt5tM8J05xpxmrepJqtLC5ZnzaWYGA8u1vrE3DLp91CAOY2r1"
    "G3y69pr/Qy9oq7PicmBZ2ScN+RIVCtPMF0obIxzghLqPX/CUjkVevgHUMccSSoonPdltnzQ6NIz/IMp9"
)
QINV = a2b_base64(
    "bzoW/83UBAIqEzyvOWL7nPFiKCPRelN7AwdZrj1epfi5FJCM4J8kVagYsPfmhaiOHmARRFsb6cj+fPm3xI1d2qGK"
    "rWW5Aj3V8Lro1n++kbOwyVMPY1Ttk9jvcpmIRyrCmy68Qi1jgkghj+xZOSXwi3xwZYZARZ+pjWbWIyOupCFjyeT/"
    "NivOz4D9dl87pRvVpE9srO3WUaouSGv0AXDCfkxdOvFzkKEfRFMzkiSqez/1HW6z8FU0cpYrSCYFHcHQ"
)

SHA_256 = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
KEY = sha256(MODULUS).digest()[:4].hex()
MPY = getattr(sys.implementation, "_mpy", 0) & 255


def keys_txt(modulus=MODULUS):
    """The keys.txt of a node that trusts this key."""
    key = sha256(modulus).digest()[:4].hex()
    return ("%s %s\n" % (key, str(b2a_base64(modulus), "utf-8").strip())).encode()


def sign(manifest):
    """An offer: the manifest, a newline, the signature."""
    tail = SHA_256 + sha256(manifest).digest()
    number = int.from_bytes(b"\0\1" + b"\xff" * (381 - len(tail)) + b"\0" + tail, "big")
    p, q, dp, dq, inverse = [int.from_bytes(each, "big") for each in (P, Q, DP, DQ, QINV)]
    rest = pow(number, dq, q)
    signed = rest + inverse * (pow(number, dp, p) - rest) % p * q
    return manifest + b"\n" + b2a_base64(signed.to_bytes(384, "big")).strip()


class Release:
    """contents: (path, bytes), sorted; changes: what the manifest says instead, as JSON."""

    def __init__(self, contents, serial=5, **changes):
        self.files = files = contents
        self.list = "".join(
            ["%s %d %s\n" % (sha256(data).digest().hex(), len(data), path) for path, data in files]
        ).encode()
        said = {
            "update": "1",
            "board": '"UNIX"',
            "version": '"0.%d.0"' % serial,
            "serial": str(serial),
            "mpy": str(MPY),
            "files": str(len(files)),
            "size": str(sum([len(data) for _, data in files])),
            "list": '[%d,"%s"]' % (len(self.list), sha256(self.list).digest().hex()),
            "key": '"%s"' % KEY,
        }
        said.update(changes)
        self.manifest = ("{%s}" % ",".join(['"%s":%s' % each for each in said.items()])).encode()
        self.offer = sign(self.manifest)
        self.id = sha256(self.manifest).digest()[:8].hex()

    def part(self, number):
        return self.files[number - 1][1] if number else self.list


class Outbox:
    removed = 0


class Client:
    """A connection whose other end is the server of a release."""

    up = True
    connects = 1

    def __init__(self, release):
        self.release = release
        self.untold = []
        self.filters = {}
        self.outbox = Outbox()
        self.told = []  # what was published as state
        self.asked = []  # what was asked for
        self.node = None
        self.posted = 0
        self.lie = None  # makes another chunk of (header, data)

    @property
    def updates(self):
        """The node's, which are made again for each update."""
        from node.update.turns import of

        return of(self.node)

    def step(self):
        del self.untold[:]
        return 0

    def post(self, topic, payload, retain=False, qos=1):
        if topic.endswith("/state"):
            self.told.append(payload)
            self.posted += 1
            self.outbox.removed = self.posted
            return self.posted - 1
        _, number, offset, length = payload.split()
        self.asked.append((int(number), int(offset), int(length)))
        head = ("%s %s %s\n" % (self.release.id, number, offset)).encode()
        data = self.release.part(int(number))[int(offset) :][: int(length)]
        self.send("chunk", *(self.lie(head, data) if self.lie else (head, data)))
        return -1

    def send(self, name, head, data=b""):
        """What the broker sends, in two pieces."""
        into = on_message(self.node, "p/n/update/" + name, len(head) + len(data), False)
        if into:
            for piece in (head, data):
                into.write(memoryview(piece))
            into.close()


class Node:
    prefix = "p/n/"
    ended = None
    phase = error = ""
    safe = faulty = False
    uptime = 100
    feed = int

    def __init__(self, client):
        self.client = client
        self.about = {}
        self.errors = []

    def failed(self, name, error):
        self.errors.append(error)


def running(release, stage):
    """A node that runs, and takes updates of a server that has that release."""
    sys.modules.pop("node.update.turns", None)

    class Own(Client):  # whose methods are replaced while there is an update
        pass

    node = Node(Own(release))
    node.client.node = node
    sys.modules["stage"] = stage
    stage.waits = False
    return node


def offered(node, release):
    """Have an offer arrive, and the node work until there is nothing to do, or something fails."""
    node.client.send("offer", release.offer)
    work(node)


def work(node):
    updates = node.client.updates
    while updates.steps and not node.ended and not node.errors:
        updates.turn()


def put(name, data):
    """Write a file, with its folders."""
    parts = name.split("/")
    for i in range(1, len(parts)):
        try:
            os.mkdir("/".join(parts[:i]))
        except OSError:  # it is there
            pass
    with open(name, "wb") as file:
        file.write(data)


def reader():
    """The compiled node.update.pack."""
    import node.update.pack

    with open(node.update.pack.__file__, "rb") as file:
        return file.read()


def held(path, size):
    """What the slot that is mounted has there, up to a byte more than its size."""
    found = bytearray(size + 1)
    file = open("/slot/" + path, "rb")  # noqa: SIM115  # it has no context manager
    return bytes(found[: file.readinto(found)])
