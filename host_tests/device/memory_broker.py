"""A broker in memory: what a client's dialler returns, with the far end in the test's hand."""

import io
import select
from time import ticks_add, ticks_diff, ticks_ms

_POLL, _CLOSE = 3, 4  # requests of ioctl()

CONNECT, PUBLISH, PUBACK, PUBREL, SUBSCRIBE, UNSUBSCRIBE = 1, 3, 4, 6, 8, 10
PINGREQ, DISCONNECT = 12, 14


def fields(packet):
    """The body of a packet, behind the remaining length."""
    at = 1
    while packet[at] > 127:
        at += 1
    return packet[at + 1 :]


class Message:
    """A PUBLISH as the broker has seen it: topic, payload, qos, pid (0 for QoS 0) and dup."""

    def __init__(self, packet):
        body = fields(packet)
        end = (body[0] << 8 | body[1]) + 2
        self.topic = str(body[2:end], "utf-8")
        self.qos = packet[0] >> 1 & 3
        self.dup = packet[0] >> 3 & 1
        self.pid = body[end] << 8 | body[end + 1] if self.qos else 0
        self.payload = body[end + 2 if self.qos else end :]


class Broker:
    """Accepts connections, acknowledges, and grants filters; call it to dial.

    code, present: of its CONNACK; acks: False: it acknowledges no PUBLISH
    takes, every_ms: so many bytes it takes at a time, and so often
    streams: the connections so far
    """

    def __init__(self, code=0, present=0, acks=True, takes=1 << 20, every_ms=0):
        self.code = code
        self.present = present
        self.acks = acks
        self.takes = takes
        self.every_ms = every_ms
        self.streams = []

    def __call__(self):
        self.streams.append(Stream(self))
        return self.streams[-1]

    def packets(self, kind):
        """All packets of a kind that arrived, over all connections."""
        return [each for stream in self.streams for each in stream.sent if each[0] >> 4 == kind]

    def messages(self):
        """All messages that arrived, over all connections."""
        return [Message(packet) for packet in self.packets(PUBLISH)]

    def answer(self, packet):
        """What it sends for a packet. MQTT 3.1.1"""
        kind = packet[0] >> 4
        if kind == CONNECT:
            return bytes((0x20, 2, self.present, self.code))
        if kind == PUBLISH and self.acks and packet[0] & 6:
            message = Message(packet)
            first = 0x40 if message.qos == 1 else 0x50
            return bytes((first, 2, message.pid >> 8, message.pid & 255))
        if kind == PUBREL:
            return b"\x70\x02" + packet[2:4]
        if kind == SUBSCRIBE:
            return b"\x90\x03" + packet[2:4] + b"\x01"
        if kind == UNSUBSCRIBE:
            return b"\xb0\x02" + packet[2:4]
        if kind == PINGREQ:
            return b"\xd0\x00"
        return b""


class Stream(io.IOBase):
    """The client's end of a connection.

    sent: the packets that arrived whole at the broker; closed: how often it was closed
    ended: the broker has closed it
    """

    def __init__(self, broker):
        self.broker = broker
        self.sent = []
        self.closed = 0
        self._partial = b""
        self._unread = b""
        self.ended = False
        self._free_at = ticks_ms()

    def arrive(self, data):
        """Let the broker send something."""
        self._unread += data

    def end(self):
        """Let the broker close the connection."""
        self.ended = True

    # --- what the client sees

    def readinto(self, buffer, n=None):
        n = min(len(buffer) if n is None else n, len(self._unread))
        if not n:
            return 0 if self.ended else None
        buffer[:n] = self._unread[:n]
        self._unread = self._unread[n:]
        return n

    def write(self, data, at=0, n=None):
        if not self._has_room():
            return None
        n = min(len(data) - at if n is None else n, self.broker.takes)
        self._free_at = ticks_add(ticks_ms(), self.broker.every_ms)
        self._partial += bytes(memoryview(data)[at : at + n])
        size = _whole(self._partial)
        while size:
            packet, self._partial = self._partial[:size], self._partial[size:]
            self.sent.append(packet)
            self._unread += self.broker.answer(packet)
            size = _whole(self._partial)
        return n

    def ioctl(self, request, flags):
        if request == _POLL:
            readable = select.POLLIN if self._unread or self.ended else 0
            return flags & (readable | (select.POLLOUT if self._has_room() else 0))
        self.closed += request == _CLOSE
        return 0

    def close(self):
        self.closed += 1

    def _has_room(self):
        return ticks_diff(ticks_ms(), self._free_at) >= 0


def _whole(data):
    """The size of the packet with which these bytes begin; 0 if it is not all there."""
    size = 0
    for at in range(1, min(len(data), 5)):
        size |= (data[at] & 127) << 7 * (at - 1)
        if data[at] < 128:
            size += at + 1
            return size if len(data) >= size else 0
    return 0
