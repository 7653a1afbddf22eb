"""A core with its far end in the test's hand: bytes in, packets out, a clock that is set."""

import io
import select

from mqtt.engine import connect, core

CONNACK = b"\x20\x02\x00\x00"
CONNACK_PRESENT = b"\x20\x02\x01\x00"

_POLL = 3  # a request of ioctl()


class Stream(io.IOBase):
    """Takes all that is written, and gives `step` bytes at a time if that is set."""

    def __init__(self):
        self.written = b""
        self.unread = b""
        self.step = 0

    def write(self, data, at, n):
        self.written += bytes(memoryview(data)[at : at + n])
        return n

    def readinto(self, buffer, n):
        n = min(n, self.step or n, len(self.unread))
        buffer[:n] = self.unread[:n]
        self.unread = self.unread[n:]
        return n or None

    def close(self):
        self.closed = True

    def ioctl(self, request, flags):
        return flags & select.POLLOUT if request == _POLL else 0


class Wire:
    """A core and its stream; `now` is its clock, `outbox` what it sends from."""

    def __init__(self, queue=8, buffer=512, **options):
        self.now = 1000
        core.ticks_ms = lambda: self.now
        self._got = []
        options["on_message"] = lambda *message: self._got.append(message[:2])
        self.session = core.Core("id", queue, buffer, options)
        self.outbox = self.session.outbox

    def open(self):
        """Open a connection, after the end of the last one; CONNECT is sent."""
        self.session.hang_up()
        self.stream = Stream()
        self.session.open(lambda: self.stream)
        assert connect.opened(self.session, self.now)

    def connect(self, connack=CONNACK):
        """Open a connection; returns the CONNECT and what follows the CONNACK."""
        self.open()
        (sent,) = self.sent()
        self.session.tick(self.now)  # as a client does while it waits
        self.feed(connack)
        return sent, self.sent()

    def sent(self):
        """All packets that were sent since the last call, and those that are to leave now."""
        self.session.send()
        packets = split(self.stream.written)
        self.stream.written = b""
        return packets

    def feed(self, data, step=0):
        """Let bytes arrive, `step` at a time if given; returns the messages among them."""
        self.stream.unread = data
        self.stream.step = step
        while self.stream.unread:
            self.session.receive()
        got, self._got = self._got, []
        return got

    def post(self, topic, payload, qos=1):
        """Put a message of QoS 1 or 2 into the outbox."""
        return self.outbox.put(topic, payload, qos << 1)

    def later(self, ms):
        """Let time pass, second by second as a client would; returns what was sent meanwhile."""
        packets = []
        while ms > 0:
            step = min(ms, 1000)
            self.now += step
            ms -= step
            self.session.tick(self.now)
            packets += self.sent()
        return packets


def split(data):
    """The packets that stand one behind the other in the data."""
    packets = []
    while data:
        end = 1
        size = shift = 0
        while True:
            size |= (data[end] & 127) << shift
            shift += 7
            end += 1
            if data[end - 1] < 128:
                break
        assert end + size <= len(data), "a packet is not whole"
        packets.append(data[: end + size])
        data = data[end + size :]
    return packets


def raises(kind, function, *args):
    """The exception of that kind which the call raises; fails if it raises none."""
    try:
        function(*args)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)
