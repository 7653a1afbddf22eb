# Feeds mutated packets to a core: COUNT SEED VERSION. Prints a line each 100,000, and "done" with
# what came of them. What a broker sends may be handled, or end the connection with a LinkError or
# Refused; anything else is a fault, printed with the seed and the bytes.
import gc
import io
import random
import select
import sys

from micropython import const

from mqtt.engine import core

gc.collect()  # what loading leaves behind is room for the next
from mqtt.engine import inbox, large, qos2  # noqa: E402, F401  # or they lie about

gc.collect()
from mqtt.engine.base import LinkError, Refused  # noqa: E402
from mqtt.engine.core import Core, check_name  # noqa: E402

COUNT, SEED, VERSION = (int(word) for word in sys.argv[1:])
_ROOM = const(128)
_LONGEST = const(312)  # of all packets, with faults in them
# Only one version's, since the others would be in the heap as well.
PACKETS = __import__("fuzz_packets_%d" % VERSION).PACKETS


class Sink:
    def write(self, piece):
        assert len(piece) <= _ROOM

    def close(self):
        pass


class Mutation:
    """A packet with up to three faults in it; it takes no memory of its own for each."""

    def __init__(self):
        self.data = memoryview(bytearray(b"x" * _LONGEST))
        self.other = memoryview(bytearray(_LONGEST))

    def of(self, packet, faults):
        """Return the packet, mutated; it is valid until the next one."""
        n = len(packet)
        self.data[:n] = packet
        if packet[1] & 0x80:
            n = 3 + (packet[1] & 0x7F | packet[2] << 7)
        for _ in range(faults):
            n = self._one(n)
        return self.data[:n]

    def _one(self, n):
        data = self.data
        at = random.getrandbits(16) % (n or 1)
        if random.getrandbits(2):
            at %= 12  # what matters stands at the start
        at = min(at, max(0, n - 1))
        what = random.getrandbits(3)
        if not n:
            data[0] = 0
            return 1
        if what < 4:
            data[at] ^= 1 << random.getrandbits(3)
        elif what == 4:
            data[at] = random.getrandbits(8)
        elif what == 5:
            return at
        elif what == 6:
            self._shift(at, at + 1, n)
            self.data[at] = random.getrandbits(8)
            return n + 1
        else:
            self._shift(at + 1, at, n)
            return n - 1
        return n

    def _shift(self, start, to, n):
        """Move what stands from `start` to the end; the rest stays."""
        self.other[:start] = self.data[:start]
        self.other[to : to + n - start] = self.data[start:n]
        self.data, self.other = self.other, self.data


class Stream(io.IOBase):
    """Gives what is fed, some bytes at a time, and takes everything."""

    def __init__(self):
        self.unread = memoryview(b"")
        self.closed = False

    def readinto(self, buffer, n):
        n = min(n, len(self.unread), 1 + random.getrandbits(6))
        assert n > 0, "no room"
        buffer[:n] = self.unread[:n]
        self.unread = self.unread[n:]
        return n

    def write(self, data, at, n):
        assert not self.closed
        return n

    def ioctl(self, request, flags):
        return flags & select.POLLOUT if request == 3 else 0

    def close(self):
        self.closed = True


def main():
    random.seed(SEED)
    now = 0
    core.ticks_ms = lambda: now

    def delivered(topic, payload, retained, told=None):
        check_name(topic)
        assert payload is sink or 4 + len(topic) + len(payload) <= _ROOM
        counts[1] += 1

    sink = Sink()
    session = Core("id", 4, _ROOM, {
        "window": 4, "on_large": lambda *_: sink, "version": VERSION, "clean": False,
        "on_message": delivered,
    })  # fmt: skip
    session.catches = ()
    outbox = session.outbox
    counts = [0, 0, 0]  # packets fed, messages delivered, connections ended
    stream = Stream()
    mutation = Mutation()
    for number in range(COUNT):
        if session.began is not None and not random.getrandbits(2):
            session.hang_up()  # the rest of a packet does not come: its deadline has passed
        if not session.stream:
            stream = Stream()
            gc.collect()
            session.open(lambda stream=stream: stream)
            from mqtt.engine.connect import opened  # the core forgets it again

            opened(session, now)
        while outbox.count < 4:
            outbox.put("t", b"x", 2 + (outbox.removed + outbox.count) % 2 * 2)
        if not session.untold:
            from mqtt.engine.subscribe import want

            want(session, "f", 1)
            want(session, "g", 2)
        if not session.up and random.getrandbits(3):
            data = mutation.of(PACKETS[random.getrandbits(1)], 0)
        else:
            packet = PACKETS[random.getrandbits(8) % len(PACKETS)]
            data = mutation.of(packet, random.getrandbits(2))
        now = number & 0x3FFFFFF
        counts[0] += 1
        try:
            stream.unread = data
            while len(stream.unread):
                session.receive()
            assert not session.handler_errors
        except (LinkError, Refused):
            counts[2] += 1
            session.hang_up()
        except Exception as error:
            sys.print_exception(error)
            gc.collect()
            print("fault: seed", SEED, "packet", number, "".join("%02x" % byte for byte in data))
            return
        if number % 100_000 == 99_999:
            print(number + 1, "packets")
    print("done", *counts)


main()
