"""Everything an MQTT 3.1 or 3.1.1 client has to remember, and nothing of how it talks.

A Session holds the packet identifiers, the messages in flight, the keep alive and the
subscriptions. It never reads a clock or a socket: it is told the time (`now`, of ticks_ms) and
the bytes. A connection does four things with it:

  link       connect(now) when a stream stands, lost() when it has ended
  sending    while next_packet(now): write packet.tx[start:stop], then packet.tail if there is one
  receiving  put bytes into incoming.into; while incoming.packet(now) finds one, call
             handle(first, now). It returns the packet's kind; 0x30 is a message, to be had from
             incoming.topic() and payload(); once it is delivered, set `reply` to `ack`
  time       tick(now, more) says in how many ms it wants to be called again; raises what is
             overdue, unless `more` may lie in the stream. Not called while a packet is leaving.

Rules: all that changes state stands here. Messages leave the outbox in order and only when
acknowledged. Our packet identifiers and the broker's are separate spaces. What the broker does
wrong is a ProtocolError, what it fails to do a LinkError, what the caller does wrong a ValueError.
What counts as late: mqtt.late.
"""

from time import ticks_add, ticks_diff

from micropython import const

from mqtt.incoming import Incoming
from mqtt.packet import Packet

if False:  # for type checkers
    from typing import Any

_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_PUBREL = const(0x62)
_SUBACK = const(0x90)
_UNSUBACK = const(0xB0)
_PINGRESP = const(0xD0)

_OF_QOS2 = const(b"\x50\x62\x70")  # PUBREC, PUBREL and PUBCOMP

_ASK_PID = const(65535)  # identifier of the SUBSCRIBE or UNSUBSCRIBE under way, see mqtt.subscribe


class Session:
    """One session with a broker, across any number of connections.

    out: the io.BytesIO to encode into; outbox: holds the messages of QoS 1 and 2
    keepalive: seconds, 0 to 65535, 0 for none; clean: the broker forgets us between connections
    will: None or (topic, payload, qos, retain); window: messages in flight, 1 to 30
    buffer: bytes of a packet that are held in RAM. Of a larger one received see Incoming, of a
    larger one sent the payload leaves in a write of its own (see `tail`).
    version: 4 for MQTT 3.1.1, 3 for 3.1; 5 is mqtt.v5.Session5
    connect_ms: from the dial to CONNACK, up to a day; 30 s with TLS and 10 s without unless given
    answer_ms: how long the broker may take for an answer, or 256 bytes of a packet, up to a day
    All these are taken as they are; see mqtt.options.
    """

    Incoming = Incoming
    Packet = Packet
    denied: "Any" = ()  # pairs of a message's number and why it is done without an acknowledgement

    def __init__(
        self, out, outbox, client_id, user=None, password=None, keepalive=60, clean=True,
        will=None, window=8, buffer=512, version=4, on_large=None, connect_ms=0, answer_ms=4000,
    ):  # fmt: skip
        self.outbox = outbox
        self.unreleased = []  # identifiers of messages of QoS 2 whose PUBREL has not come
        self.incoming = self.Incoming(buffer, on_large, self.unreleased)
        self.packet = self.Packet(out, buffer)
        self.client_id = client_id
        self.user = user
        self.password = password
        self.keepalive = keepalive
        self.clean = clean
        self.will = will
        self.window = window
        self.connect_ms = connect_ms
        self.answer_ms = answer_ms
        self.version = version
        self.filters = {}  # what we want to be subscribed to: filter -> QoS
        self.rejected = []  # filters that the broker would not have
        self.present = False  # the broker still had our session when it accepted us
        self.strays = 0  # acknowledgements that belong to nothing
        self.unread = 0  # see mqtt.late
        # Of the messages at the head of the outbox, so many have been sent on this connection,
        # and so many in this session; a bit for each that was acknowledged before its turn, and
        # for each of QoS 2 whose PUBREC has come.
        self.sent = self.acked = self.received = 0
        self.known = getattr(outbox, "restored", 0)
        self.attempts = 0
        # Filters of which the broker does not know yet whether we want them, and those that it
        # is being told of by the one SUBSCRIBE or UNSUBSCRIBE under way.
        self.untold = []
        self.asked = []
        self.lost()

    # --- the link

    def connect(self, now):
        """A stream stands: encode CONNECT, to be sent before all else. [MQTT-3.1.0-1]"""
        self.awaited = _CONNACK
        self.asked_at = self.sent_at = self._due = self._heard = self._spoke = now
        from mqtt.connect import connect

        connect(self)

    def lost(self):
        """The connection has ended; what was under way waits for the next."""
        self.incoming.reset()
        self.up = self.ping = False
        self.reply = 0  # first byte of the answer that is to leave next, for reply_pid
        self.awaited = 0  # first byte of the one answer we wait for, besides acknowledgements
        for pattern in self.asked:
            if pattern not in self.untold:
                self.untold.append(pattern)
        self.asked.clear()

    # --- sending

    def next_packet(self, now):
        """Encode the packet that is to leave next; False when there is none."""
        if not self.up:
            return False
        if self.acked:  # some were acknowledged before their turn: not to be sent again
            while self.acked >> self.sent & 1:
                self.sent += 1
                self.known = max(self.known, self.sent)
        if self.reply:
            self.packet.short(self.reply, self.reply_pid)
            self.reply = 0
        elif self.ping and not self.awaited:  # before the backlog: its answer tells what is new
            self.ping = False
            self.awaited = _PINGRESP
            self.asked_at = now
            self.packet.short(0xC0)
        elif self.sent < self.outbox.count and self.sent < self.window:
            self._send(now)
        elif self.awaited:
            return False
        elif self.untold:
            from mqtt.subscribe import ask

            self.asked_at = now
            self.awaited = ask(self)
        else:
            return False
        self._spoke = now
        return True

    def _send(self, now):
        """Encode the next message of the outbox; with DUP if it has left before. [MQTT-3.3.1-1]

        Packet identifiers follow the order of the outbox, so that no two in flight share one
        [MQTT-2.3.1-2]; SUBSCRIBE and UNSUBSCRIBE have the last identifier for themselves.
        """
        index = self.sent
        self.sent = index + 1
        if not index:
            self.sent_at = now
        outbox = self.outbox
        outbox.get(index)
        pid = outbox.pid or (outbox.removed + index) % (_ASK_PID - 1) + 1
        if index >= self.known:
            self.known = index + 1
        elif self.received >> index & 1:  # only its release is left to do [MQTT-4.3.3-1]
            self.packet.short(_PUBREL, pid)
            return
        else:
            outbox.flags |= 8
        self.packet.publish(outbox.topic, outbox.payload, outbox.flags, pid)

    # --- time

    def tick(self, now, more=False):
        """Return the ms until this wants to be called again, 0 if there may be something to send.

        Raises LinkError if the broker is overdue; not yet if there may be `more` to be read.
        """
        left = ticks_diff(self._due, now)
        return left if 0 < left <= self.answer_ms else self._look(now, more)

    def _look(self, now, more):
        """See what is due. Nothing that begins later falls due before the next look.

        But a short keep alive does: it is looked at eight times as often.
        """
        answer_ms = self.answer_ms
        incoming = self.incoming
        self.asked_at = ticks_add(self.asked_at, incoming.busy)
        self.sent_at = ticks_add(self.sent_at, incoming.busy)
        incoming.busy = 0
        # Far above 0 if nobody has looked for so many days that the ticks have wrapped.
        waited = max(0, ticks_diff(self._due, now))
        if self.awaited:
            waited = max(waited, ticks_diff(now, self.asked_at))
        if incoming.began is not None:
            waited = max(waited, ticks_diff(now, incoming.began))
        if self.sent:
            waited = max(waited, ticks_diff(now, self.sent_at))
        left = min(answer_ms - waited, self.keepalive * 125 or answer_ms)
        if left > 0:
            self.unread = 0
        else:
            from mqtt.late import late

            left = late(self, now, more)
        if self.keepalive and not self.awaited:
            # A PINGREQ is due three quarters of the keep alive after either side spoke last.
            quiet = max(ticks_diff(now, self._heard), ticks_diff(now, self._spoke))
            rest = self.keepalive * 750 - quiet
            left = min(left, rest)
            self.ping = self.ping or rest <= 0
        left = max(0, left)
        self._due = ticks_add(now, left)
        return left

    # --- receiving

    def handle(self, first, now):
        """Act on the packet that was found; `first`: its first byte. Returns its kind.

        The kind is the first byte, without the flags of a PUBLISH; 0 for a message that is not to
        be delivered, because it is too large or a duplicate. Raises Refused if the broker refused
        the connection.
        """
        self._heard = now
        incoming = self.incoming
        body = incoming.body
        size = incoming.end - body
        if not self.up:
            if first == _CONNACK and size == 2:
                from mqtt.connect import accepted

                accepted(self, incoming.buffer[body] & 1, incoming.buffer[body + 1])
                return first
        elif first & 0xF0 == _PUBLISH:
            return self._message(first, incoming)
        elif first == _PUBACK and size == 2:
            self.acknowledged(incoming.number(body), now)
            return first
        elif size == 2 and first in _OF_QOS2:
            from mqtt import qos2

            qos2.handle(self, first, incoming.number(body), now)
            return first
        elif first == _PINGRESP and not size:
            if self.awaited == first:
                self.awaited = 0
            return first
        elif first == _SUBACK and size > 2 or first == _UNSUBACK and size == 2:
            from mqtt.subscribe import answered

            answered(self, first)
            return first
        raise incoming.forbidden(first, size)

    def acknowledged(self, pid, now):
        """The broker has a message, and acknowledged it for good."""
        self.acked |= self.in_flight(pid, now)
        self.pop()

    def in_flight(self, pid, now):
        """The bit of the message with that identifier, or 0, and it is counted."""
        outbox = self.outbox
        index = outbox.index(pid) if outbox.pid else (pid - 1 - outbox.removed) % (_ASK_PID - 1)
        if index >= self.known or not 0 < pid < _ASK_PID:
            self.strays += 1
            return 0
        self.attempts = 0
        self.sent_at = now
        return 1 << index

    def pop(self):
        """Remove what is acknowledged from the head of the outbox."""
        while self.acked & 1:
            self.acked >>= 1
            self.received >>= 1
            self.known -= 1
            if self.sent:
                self.sent -= 1
            self.outbox.pop()

    def _message(self, first, incoming):
        """A PUBLISH; `first` is larger by 0x100 if it did not fit and has passed."""
        if first < 0x100:
            incoming.opened(first, incoming.end)
        incoming.first = first
        self.ack = 0
        new = True
        if first & 6:
            self.reply_pid = pid = incoming.pid
            if not pid:
                raise incoming.forbidden(first, incoming.end - incoming.body)
            self.ack = _PUBACK
            if first & 4:
                from mqtt.qos2 import arrived

                new = arrived(self, pid)
        if new and (first < 0x100 or incoming.large.sink):
            return _PUBLISH
        incoming.skipped += new
        incoming.large = None
        self.reply = self.ack
        return 0
