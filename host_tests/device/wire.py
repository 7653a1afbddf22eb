"""A session with its far end in the test's hand: bytes in, packets out, a clock that is set."""

import io

from mqtt.outbox import Outbox
from mqtt.session import Session

CONNACK = b"\x20\x02\x00\x00"
CONNACK_PRESENT = b"\x20\x02\x01\x00"


class Wire:
    """A Session and what it has sent; `now` is its clock."""

    def __init__(self, queue=8, **options):
        self.now = 1000
        self.replies = []
        self.outbox = Outbox(queue)
        kind = Session
        if options.get("version") == 5:
            from mqtt.v5 import Session5 as kind
        self.session = kind(io.BytesIO(128), self.outbox, "id", **options)

    def connect(self, connack=CONNACK):
        """Open a connection; returns the CONNECT and what follows the CONNACK."""
        self.session.lost()
        self.session.connect(self.now)
        sent = self.encoded()
        self.session.tick(self.now)  # as a client does while it waits
        self.feed(connack)
        return sent, self.sent()

    def encoded(self):
        """The packet the session has just encoded."""
        packet = self.session.packet
        return bytes(packet.tx[packet.start : packet.stop]) + bytes(packet.tail or b"")

    def sent(self):
        """All packets that the session wants to send now, one by one."""
        packets, self.replies = self.replies, []
        while self.session.next_packet(self.now):
            packets.append(self.encoded())
        return packets

    def feed(self, data, step=0):
        """Let bytes arrive, `step` at a time if given; returns the kinds of packet they made.

        As a client does, it lets the session answer each packet before the next; see sent().
        """
        session = self.session
        incoming = session.incoming
        kinds = []
        while data:
            n = min(incoming.need, step or incoming.need, len(data))
            incoming.into[:n] = data[:n]
            data = data[n:]
            incoming.held += n
            while incoming.held:
                first = incoming.packet(self.now)
                if not first:
                    break
                kind = session.handle(first, self.now)
                if kind == 0x30:
                    if incoming.large:
                        incoming.large.close()
                        kinds.append((incoming.large.topic, incoming.large.payload))
                        incoming.large = None
                    else:
                        kinds.append((str(incoming.topic(), "utf-8"), incoming.payload()))
                    session.reply = session.ack
                else:
                    kinds.append(kind)
                self.replies = self.sent()
        return kinds

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


def raises(kind, function, *args):
    """The exception of that kind which the call raises; fails if it raises none."""
    try:
        function(*args)
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)
