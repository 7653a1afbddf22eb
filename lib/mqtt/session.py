"""Everything an MQTT 3.1.1 client has to remember, and nothing of how it talks.

A Session holds the packet identifiers, the messages in flight, the keep alive and the
subscriptions. It never reads a clock or a socket: it is told the time (`now`, of ticks_ms) and
the bytes. A client, asyncio or blocking, does four things with it:

  link       connect(now) when a connection stands, lost() when it has ended
  sending    while next_packet(now): write out[start:end], then `tail` if it is not None
  receiving  feed `incoming`, and when that has a whole packet call handle(first, now). It returns
             the packet's kind; 0x30 is a PUBLISH, to be had from incoming.topic() and payload();
             once it is delivered, set `owed` to incoming.pid
  time       tick(now) says in how many ms it wants to be called again; raises what is overdue

Rules: all that changes state stands here. Messages leave the outbox in order and only when
acknowledged. Our packet identifiers and the broker's are separate spaces. What the broker does
wrong is a ProtocolError, what it fails to do a LinkError, what the caller does wrong a ValueError.
"""

from time import ticks_diff

from micropython import const

from mqtt import packet
from mqtt.incoming import Incoming
from mqtt.packet import LinkError, ProtocolError, Refused

# First bytes of what a broker sends.
_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_PINGRESP = const(0xD0)

_ATTEMPTS = const(3)  # a message sent so often without any acknowledgement: the link is dead
_FOREVER_MS = const(60_000)
_ASK_PID = const(65535)  # identifier of the one SUBSCRIBE or UNSUBSCRIBE under way

_pid = bytearray(2)


class Session:
    """One session with a broker, across any number of connections.

    out: the io.BytesIO to encode into; outbox: holds the messages of QoS 1
    keepalive: seconds, 0 to 65535, 0 for none; clean: the broker forgets us between connections
    will: None or (topic, payload, qos, retain); window: messages in flight, 1 to 30
    buffer: bytes of packet that are held in RAM. A larger message received is skipped, of a larger
    one sent the payload leaves in a write of its own (see `tail`).
    """

    answer_ms = 4000  # how long the broker may take for an answer
    connect_ms = 10_000  # how long a connection may take to open, or to accept a packet

    def __init__(
        self, out, outbox, client_id, user=None, password=None, keepalive=60, clean=True,
        will=None, window=8, buffer=512,
    ):  # fmt: skip
        if not 0 <= keepalive <= 65535:
            raise ValueError("keepalive: %r; 0 to 65535 seconds" % keepalive)
        if password is not None and user is None:
            raise ValueError("password: needs a user [MQTT-3.1.2-22]")
        self.out = out
        self.outbox = outbox
        self.incoming = Incoming(buffer)
        self.client_id = client_id
        self.user = user
        self.password = password
        self.keepalive = keepalive
        self.clean = clean
        self.will = will
        self.filters = {}  # what we want to be subscribed to: filter -> QoS
        self.ping = False  # set it to have a PINGREQ sent although none is due
        self.rejected = []  # filters that the broker would not have
        self.skipped = 0  # messages dropped because they were larger than the buffer
        self.strays = 0  # acknowledgements that belong to nothing
        self._room = buffer
        self._window = window
        # Of the messages at the head of the outbox, so many have been sent on this connection,
        # and so many in this session; a bit for each that was acknowledged before its turn.
        self._sent = self._known = self._acked = 0
        self._shift = self._attempts = 0
        # Filters of which the broker does not know yet whether we want them, and those that it
        # is being told of by the one SUBSCRIBE or UNSUBSCRIBE under way.
        self._untold = []
        self._asked = []
        self.lost()

    # --- the link

    def connect(self, now):
        """A connection stands: encode CONNECT, to be sent before all else. [MQTT-3.1.0-1]"""
        self._greeted = True
        self._asked_at = self._heard = self._spoke = now
        will = self.will
        keepalive = self.keepalive
        fields = ["MQTT", 4, 2 if self.clean else 0, keepalive >> 8, keepalive & 255]
        fields.append(self.client_id)
        if will:
            fields[2] |= 4 | will[2] << 3 | (32 if will[3] else 0)
            fields += will[:2]
        if self.user is not None:
            fields[2] |= 128
            fields.append(self.user)
        if self.password is not None:
            fields[2] |= 64
            fields.append(self.password)
        self.encode(0x10, fields)

    def lost(self):
        """The connection has ended; what was under way waits for the next."""
        self._greeted = False  # CONNECT has been sent
        self.up = False  # and accepted
        self.incoming.reset()
        self.owed = 0  # identifier of the PUBLISH whose PUBACK is to leave next
        self._pinged = False
        self._untold += self._asked
        self._asked = []

    # --- what the application asks for

    def subscribe(self, pattern, qos):
        """Ask for a filter, or with qos None give it up; holds for all later connections."""
        if qos is None:
            self.filters.pop(pattern, None)
        else:
            self.filters[pattern] = qos
        if pattern not in self._untold:
            self._untold.append(pattern)

    def settled(self):
        """True when the broker has answered for every filter asked for or given up."""
        return not (self._untold or self._asked)

    # --- sending

    def next_packet(self, now):
        """Encode the packet that is to leave next; False when there is none."""
        if not self.up:
            return False
        while self._acked >> self._sent & 1:
            self._sent += 1
        if self.owed:
            _pid[0] = self.owed >> 8
            _pid[1] = self.owed & 255
            self.owed = 0
            self.encode(_PUBACK, _pid)
        elif self._untold and not self._asked:
            self._ask(now)
        elif self._sent < self._window and self._sent < self.outbox.count:
            self._send(now)
        elif not self._pinged and (self.ping or self._quiet(now) <= 0):
            self.encode(0xC0, ())
            self.ping = False
            self._pinged = True
            self._pinged_at = now
        else:
            return False
        self._spoke = now
        return True

    def publish(self, topic, payload, flags, pid=0):
        """Encode PUBLISH at once; without a `pid` for QoS 0. The link must be up and free."""
        out = self.out
        size = len(payload)
        self.start = packet.publish(out, topic, pid, flags, size)
        self.tail = None
        if out.tell() + size > self._room:
            self.tail = payload
        else:
            out.write(payload)
        self.end = out.tell()

    def encode(self, first, fields):
        """Encode any other packet at once, see packet.encode()."""
        self.start = packet.encode(self.out, first, fields)
        self.end = self.out.tell()
        self.tail = None

    def tick(self, now):
        """Return the ms until this wants to be called again; raises LinkError if overdue."""
        began = self.incoming.began
        if not self._greeted:
            return _FOREVER_MS
        if began is not None:
            wait = self._left(began, now, "rest of a packet")
        elif not self.up:
            return self._left(self._asked_at, now, "CONNACK")
        elif self._pinged:
            wait = self._left(self._pinged_at, now, "PINGRESP")
        else:
            wait = max(0, self._quiet(now))
        if self._asked:
            wait = min(wait, self._left(self._asked_at, now, "SUBACK"))
        if self._sent:
            left = self.answer_ms - ticks_diff(now, self._sent_at)
            if left <= 0:
                # All in flight is sent again, in its order. [MQTT-4.4.0-1]
                self._sent = left = 0
                self._attempts += 1
                if self._attempts == _ATTEMPTS:
                    raise LinkError("no PUBACK from the broker")
            wait = min(wait, left)
        return wait

    def _left(self, since, now, what):
        left = self.answer_ms - ticks_diff(now, since)
        if left <= 0:
            raise LinkError("no %s from the broker in time" % what)
        return left

    def _quiet(self, now):
        """ms until a PINGREQ is due: three quarters of the keep alive since either side spoke."""
        if not self.keepalive:
            return _FOREVER_MS
        quiet = max(ticks_diff(now, self._heard), ticks_diff(now, self._spoke))
        return self.keepalive * 750 - quiet

    def _send(self, now):
        """Encode the next message of the outbox; with DUP if it has left before. [MQTT-3.3.1-1]"""
        index = self._sent
        topic, payload, flags = self.outbox.get(index)
        if not index:
            self._sent_at = now
        self._sent += 1
        if self._sent <= self._known:
            flags |= 8
        else:
            self._known = self._sent
        self.publish(topic, payload, flags, self._pid(index))

    def _pid(self, index):
        """The packet identifier of a message in flight.

        They follow the order of the outbox, so that two in flight never share one
        [MQTT-2.3.1-2]; SUBSCRIBE and UNSUBSCRIBE have the last identifier for themselves.
        """
        return (self.outbox.removed + self._shift + index) % (_ASK_PID - 1) + 1

    def _ask(self, now):
        """Encode SUBSCRIBE for all filters that wait for one, or else UNSUBSCRIBE."""
        self._asked_at = now
        fields = [_ASK_PID >> 8, _ASK_PID & 255]
        asked = [name for name in self._untold if name in self.filters]
        first = 0x82
        for name in asked:
            fields += (name, self.filters[name])
        if not asked:
            first = 0xA2
            asked = self._untold
            fields += asked
        self._asked = asked
        self._untold = [name for name in self._untold if name not in asked]
        self.encode(first, fields)

    # --- receiving

    def handle(self, first, now):
        """Act on the packet that `incoming` holds; `first`: its first byte. Returns its kind.

        The kind is the first byte, without the flags of a PUBLISH; 0 for a message that was too
        large and has been skipped. Raises Refused if the broker refused the connection.
        """
        incoming = self.incoming
        size = incoming.size
        body = incoming.buffer
        self._heard = now
        if not self.up:
            if first == _CONNACK and size == 2 and body[0] < 2:
                self._accepted(body)
                return first
        elif first & 0xF0 == _PUBLISH and first & 6 < 4:
            if not incoming.skipped:
                return _PUBLISH
            self.skipped += 1
            self.owed = incoming.pid
            return 0
        elif first == _PINGRESP and not size:
            self._pinged = False
            return first
        elif first == _PUBACK and size == 2:
            self._acknowledged(body[0] << 8 | body[1], now)
            return first
        elif first == _SUBACK and size > 2 or first == _UNSUBACK and size == 2:
            self._answered(body, size)
            return first
        raise ProtocolError("packet 0x%02x of %d bytes is out of place" % (first, size))

    def _accepted(self, body):
        if body[1]:
            from mqtt.words import refusal

            error = Refused(refusal(body[1]))
            error.code = body[1]
            raise error
        self.up = True
        self.present = bool(body[0])
        self._sent = self._attempts = 0
        if not self.present:
            # The broker knows nothing of us: what it has not acknowledged is new to it, under
            # new identifiers [MQTT-3.1.2-6], and it must be asked again for every filter.
            self._known = 0
            self._shift += self._window
            self._untold = list(self.filters)

    def _acknowledged(self, pid, now):
        for index in range(self._known):
            if pid == self._pid(index):
                break
        else:
            self.strays += 1
            return
        self._acked |= 1 << index
        self._attempts = 0
        self._sent_at = now
        while self._acked & 1:
            self._acked >>= 1
            self._known -= 1
            self._sent = max(0, self._sent - 1)
            self.outbox.pop()

    def _answered(self, body, size):
        """SUBACK or UNSUBACK."""
        asked = self._asked
        if not asked or body[0] << 8 | body[1] != _ASK_PID:
            self.strays += 1
            return
        if size > 2 and size - 2 != len(asked):
            raise ProtocolError("SUBACK of %d bytes for %d filters" % (size, len(asked)))
        self._asked = []
        for i in range(2, size):
            if body[i] > 2:
                self.rejected.append(asked[i - 2])
                self.filters.pop(asked[i - 2], None)
