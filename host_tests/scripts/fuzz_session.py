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
from mqtt.engine import inbox, large, qos2, words  # noqa: E402, F401  # or they lie about

gc.collect()
from mqtt.engine.base import LinkError, Refused  # noqa: E402
from mqtt.engine.core import Core, check_name  # noqa: E402

COUNT, SEED, VERSION = (int(word) for word in sys.argv[1:])
_ROOM = const(128)

# Whole packets as a broker may send them; {pid} of a PUBLISH and of acknowledgements is 1 or 2.
PACKETS = (
    b"\x20\x02\x00\x00",
    b"\x20\x02\x01\x00",
    b"\x30\x07\x00\x03t/1hi",
    b"\x32\x09\x00\x03t/1\x00\x01hi",
    b"\x34\x09\x00\x03t/1\x00\x02hi",
    b"\x3d\x0b\x00\x05t/\xe2\x82\xac\x00\x02hi",
    b"\x40\x02\x00\x01",
    b"\x50\x02\x00\x02",
    b"\x62\x02\x00\x02",
    b"\x70\x02\x00\x02",
    b"\x90\x03\xff\xff\x01",
    b"\xb0\x02\xff\xff",
    b"\xd0\x00",
    b"\x30\xac\x02\x00\x03t/1" + b"x" * 295,
    b"\x32\xac\x02\x00\x03t/1\x00\x07" + b"y" * 293,
)


if VERSION == 5:
    PACKETS = (
        b"\x20\x03\x00\x00\x00",
        b"\x20\x15\x01\x00\x12\x21\x00\x03\x13\x00\x0a\x22\x00\x04\x24\x01\x27\x00\x00\x00\x40\x25\x01",
        b"\x30\x08\x00\x03t/1\x00hi",
        b"\x32\x0a\x00\x03t/1\x00\x01\x00hi",
        b"\x34\x0a\x00\x03t/1\x00\x02\x00hi",
        b"\x32\x21\x00\x03t/1\x00\x03\x17\x01\x01\x02\x00\x00\x00\x3c\x08\x00\x01r\x26\x00\x01k\x00\x01v\x0b\x81\x01hi",
        b"\x40\x02\x00\x01",
        b"\x40\x09\x00\x01\x97\x05\x1f\x00\x02no",
        b"\x50\x03\x00\x02\x10",
        b"\x62\x04\x00\x02\x92\x00",
        b"\x70\x03\x00\x02\x00",
        b"\x90\x05\xff\xff\x00\x01\x87",
        b"\xb0\x05\xff\xff\x00\x00\x11",
        b"\xd0\x00",
        b"\xe0\x09\x9d\x07\x1c\x00\x04else",
        b"\x30\xad\x02\x00\x03t/1\x00" + b"x" * 295,
        b"\x32\xae\x02\x00\x03t/1\x00\x07\x06\x09\x00\x03abc" + b"y" * 288,
    )


class Sink:
    def write(self, piece):
        assert len(piece) <= _ROOM

    def close(self):
        pass


def mutated(packet):
    """The packet with up to three faults in it."""
    data = bytearray(packet)
    for _ in range(random.getrandbits(2)):
        at = random.getrandbits(16) % (len(data) or 1)
        if random.getrandbits(2):
            at %= 12  # what matters stands at the start
        at = min(at, max(0, len(data) - 1))
        what = random.getrandbits(3)
        if not data:
            data = bytearray(b"\x00")
        elif what < 4:
            data[at] ^= 1 << random.getrandbits(3)
        elif what == 4:
            data[at] = random.getrandbits(8)
        elif what == 5:
            data = data[:at]
        elif what == 6:
            data = data[:at] + bytearray((random.getrandbits(8),)) + data[at:]
        else:
            data = data[:at] + data[at + 1 :]
    return data


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
    for number in range(COUNT):
        if session.began is not None and not random.getrandbits(2):
            session.hang_up()  # the rest of a packet does not come: its deadline has passed
        if not session.stream:
            stream = Stream()
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
            data = PACKETS[random.getrandbits(1)]
        else:
            data = mutated(PACKETS[random.getrandbits(8) % len(PACKETS)])
        now = number & 0x3FFFFFF
        counts[0] += 1
        try:
            stream.unread = memoryview(data)
            while len(stream.unread):
                session.receive()
            assert not session.handler_errors
        except (LinkError, Refused):
            counts[2] += 1
            session.hang_up()
        except Exception as error:
            print("fault: seed", SEED, "packet", number, "".join("%02x" % byte for byte in data))
            sys.print_exception(error)
            return
        if number % 100_000 == 99_999:
            print(number + 1, "packets")
    print("done", *counts)


main()
