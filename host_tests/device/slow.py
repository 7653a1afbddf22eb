"""A broker in memory, at the end of a stream that may be slow, and a clock that the test sets.

To be imported before mqtt: the clock stands in for the module time.
"""

import io
import sys
import time as real

KINDS = (
    "?", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
    "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT",
)  # fmt: skip


class Clock:
    """The module time, which stands still until it is told to go on, or somebody sleeps."""

    def __init__(self):
        self.now = 1000
        for name in dir(real):
            setattr(self, name, getattr(real, name))
        # Functions, for nothing else can be imported from an object.
        self.ticks_ms = lambda: self.now
        self.sleep_ms = lambda ms: self._after(ms)
        self.sleep = lambda seconds: self._after(int(seconds * 1000))

    def _after(self, ms):
        self.now += ms


clock = sys.modules["time"] = Clock()


class Far(io.IOBase):
    """The stream, and the broker behind it, which answers a moment later.

    takes, every: bytes that one write takes, and from one such write to the next, in ms
    gives, pause: the same for reading
    silent: kinds of packet that get no answer; fails: the errno of every write, or None
    latency: ms from a packet to its answer
    packets: those that have arrived whole; rx: what the client has not read yet
    """

    def __init__(self, takes=1 << 20, every=0, gives=1 << 20, pause=0, silent=(), version=4):
        self.takes = takes
        self.every = every
        self.gives = gives
        self.pause = pause
        self.silent = silent
        self.connack = b"\x20\x03\0\0\0" if version == 5 else b"\x20\x02\0\0"
        self.latency = 1
        self.fails = None
        self.closed = False
        self.packets = []
        self.rx = b""
        self._raw = b""
        self._answers = []  # (when, bytes), on their way
        self._wrote = self._read = -1_000_000

    def names(self):
        """The kinds of the packets that have arrived."""
        return [KINDS[each[0] >> 4] for each in self.packets]

    def held(self):
        """Take away what is on its way to the client; to be sent when the test wants it."""
        clock.sleep_ms(1)
        self._arrive()
        held, self.rx = self.rx, b""
        return held

    # --- what a client calls

    def write(self, data, at, n):
        if self.fails:
            raise OSError(self.fails)
        if clock.now - self._wrote < self.every:
            return None
        self._wrote = clock.now
        n = min(n, self.takes)
        self._raw += bytes(memoryview(data)[at : at + n])
        while self._whole():
            pass
        return n or None

    def readinto(self, buffer, n):
        self._arrive()
        if not self.rx or clock.now - self._read < self.pause:
            return None
        self._read = clock.now
        n = min(n, self.gives, len(self.rx))
        buffer[:n] = self.rx[:n]
        self.rx = self.rx[n:]
        return n

    def ioctl(self, request, flags):
        if request != 3:
            return -22
        clock.sleep_ms(1)
        self._arrive()
        return flags & (
            (1 if self.rx else 0) | (4 if clock.now - self._wrote >= self.every else 0)
        )

    def close(self):
        self.closed = True

    # --- the broker

    def _whole(self):
        raw = self._raw
        size = shift = 0
        at = 1
        while at < len(raw):
            size |= (raw[at] & 127) << shift
            shift += 7
            at += 1
            if raw[at - 1] < 128:
                break
        else:
            return False
        if len(raw) < at + size:
            return False
        packet = raw[: at + size]
        self._raw = raw[at + size :]
        self.packets.append(packet)
        if KINDS[packet[0] >> 4] not in self.silent:
            self._answers.append((clock.now + self.latency, self._answer(packet, at)))
        return True

    def _arrive(self):
        while self._answers and self._answers[0][0] <= clock.now:
            self.rx += self._answers.pop(0)[1]

    def _answer(self, packet, at):
        kind = packet[0] >> 4
        if kind == 1:
            return self.connack
        if kind == 3 and packet[0] & 6:
            at += 2 + (packet[at] << 8 | packet[at + 1])
            return bytes((0x40 if packet[0] & 2 else 0x50, 2)) + packet[at : at + 2]
        if kind == 6:
            return b"\x70\x02" + packet[2:4]
        if kind == 8:
            return b"\x90\x03" + packet[2:4] + b"\x01"
        return b"\xd0\0" if kind == 12 else b""


def publish(topic, payload, pid=0):
    """A PUBLISH, of QoS 1 if it has an identifier."""
    body = bytes((0, len(topic))) + topic + (bytes((0, pid)) if pid else b"") + payload
    size = len(body)
    head = bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))
    return bytes((0x32 if pid else 0x30,)) + head + body
