"""One session with a broker, and the connection that carries it now. It never waits.

This file has what runs for each message. The rest is loaded when it is needed: engine.connect and
engine.end for a connection, engine.subscribe for filters, engine.inbox for messages that arrive,
engine.qos2 for QoS 2, engine.large for a packet larger than the buffer, engine.pieces for one that
leaves in pieces, engine.late for what is late. MQTT 5 replaces some methods, see engine.v5.

The owner calls open() with a dialler, then engine.connect.opened() until it returns True, and then
receive(), send() and tick() over and over. post() may be called at any time. If a call raises, the
owner calls failed(), and starts again.

Rules: messages leave the outbox in order, and only when acknowledged. Our packet identifiers and
the broker's are separate spaces. A packet leaves in one write. A ProtocolError says what the
broker did wrong, a LinkError what it failed to do, a ValueError what the caller did wrong.
"""

import gc
import random
import select
import sys
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.base import LinkError, plain

if False:  # for type checkers
    from typing import Any

_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_PUBREL = const(0x62)
_PINGREQ = const(0xC0)
_PINGRESP = const(0xD0)

_OF_QOS2 = const(b"\x50\x62\x70")  # PUBREC, PUBREL and PUBCOMP

_PLUS = const(0x2B)  # a byte, "+"
_HASH = const(0x23)
_ASK_PID = const(65535)  # of SUBSCRIBE and UNSUBSCRIBE, see engine.subscribe
_PACE = const(64)  # a packet of more bytes holds up others, see engine.late


class Outbox:
    """Messages accepted and not yet acknowledged, in order: a bounded queue in RAM.

    A core sends from its head and removes there what the broker has acknowledged. It is a ring of
    `limit` places, 1 or more; made once, it allocates nothing more. An outbox that must survive a
    power cut offers the same few names, see mqtt.durable.

    count: messages held; removed: messages ever removed, so message number n is done when
    removed > n; refused: messages that found it full; topic, payload, flags, pid: see get()
    ring: topic, payload and flags of message number n begin at n % limit * 3
    """

    pid = 0  # packet identifiers follow the numbers

    def __init__(self, limit):
        self.limit = limit
        self.count = self.removed = self.refused = 0
        self.ring = [None] * (3 * limit)
        self.topic = self.payload = self.flags = self.pid = 0

    def put(self, topic, payload, flags):
        """Take a message; returns its number, or None and counts it as refused when full.

        payload: bytes, held as they are; flags: those of its PUBLISH, for QoS 1 or 2.
        """
        if self.count == self.limit:
            self.refused += 1
            return None
        number = self.removed + self.count
        self.count += 1
        ring = self.ring
        at = number % self.limit * 3
        ring[at] = topic
        ring[at + 1] = payload
        ring[at + 2] = flags
        return number

    def get(self, index):
        """Set topic, payload and flags to those of the message `index` places behind the head.

        An outbox that decides about packet identifiers sets `pid` as well, and has index(pid).
        """
        ring = self.ring
        at = (self.removed + index) % self.limit * 3
        self.topic = ring[at]
        self.payload = ring[at + 1]
        self.flags = ring[at + 2]

    def pop(self):
        """Remove the message at the head."""
        at = self.removed % self.limit * 3
        self.ring[at] = self.ring[at + 1] = None
        self.removed += 1
        self.count -= 1


def check_name(topic):
    """Return the topic name, str or bytes; ValueError if nothing can be published to it.

    [MQTT-3.3.2-2], [MQTT-4.7.3-1]
    """
    raw = plain(topic)
    if raw is None or _PLUS in raw or _HASH in raw:
        from mqtt.engine.topic import name

        return name(topic)
    return topic


gc.collect()  # free what loading left behind, so that what follows leaves no gaps


class Core:
    """A session across any number of connections; `up` while there is one.

    The options, which are also arguments; engine.options checks them:
    version: 4 for MQTT 3.1.1, 3 for 3.1, 5
    user, password; keepalive: seconds, 0 for none
    clean: the broker forgets us between connections
    will: (topic, payload, qos, retain); window: messages in flight, 1 to 30
    queue: messages of QoS 1 and 2 held until acknowledged, or an outbox
    buffer: bytes of a packet that are held in RAM
    on_message(topic, payload, retained): called for every message, with MQTT 5 with the message's
    properties as a fourth argument, a dict
    on_large(topic, size, retained): for a message larger than the buffer; returns an object with
    write(piece) and close(), say an open file, that on_message then gets as its payload; or None,
    which drops it. A message that is cut short ends with abort() instead, where the object has
    that, and does not reach on_message. on_connect(): called when there is a connection.
    What these raise is printed and counted, and the connection stays.
    answer_ms: how long the broker may take for an answer, or 256 bytes of a packet, up to a day
    connect_ms: from the dial to CONNACK, up to a day; 30 s with TLS and 10 s without unless given
    backoff_ms: the first and the longest pause before a new attempt, up to a day; see mqtt.link

    present: the broker still had our session; rejected: filters that it refused
    Counters: connects, connections that it accepted; handler_errors, exceptions of the
    application's code; skipped, messages dropped because they did not fit; strays,
    acknowledgements that belong to nothing; outbox.refused, messages that found the queue full
    """

    version = 4
    user = password = None
    keepalive = 60
    clean = True
    will: "Any" = None
    window = 8
    on_message: "Any" = None
    on_connect: "Any" = None
    on_large: "Any" = None
    answer_ms = 4000
    connect_ms = 0
    backoff_ms = (1000, 15_000)
    # What the application's code may raise.
    catches: type[BaseException] | tuple[type[BaseException], ...] = Exception
    random: "Any" = random.getrandbits
    v5: "Any" = None  # with version 5, its engine.v5.Version5
    # Not None for the only client of a board, whose options are good and stand in the class. True
    # if what begins a connection stays loaded: in an outage the heap may have no room for it.
    alone: "bool | None" = None
    connects = handler_errors = skipped = strays = 0
    resent = unread = 0  # see engine.late
    past: "Any" = None  # what engine.backoff remembers of earlier ends
    present = False
    up: bool
    left: int
    properties: dict  # of the message being delivered, with MQTT 5
    inbox: "Any" = None  # engine.inbox, once it is needed
    stalled: "Any" = None  # a method to call when the stream takes no more
    unreleased: "Any" = ()  # identifiers of messages of QoS 2 whose PUBREL has not come

    def __init__(self, client_id, queue, buffer, options):
        self.client_id = client_id
        if self.alone is None:
            from mqtt.engine.options import check

            check(self, queue, buffer, options)
        # First what takes no RAM of its own: the dict of attributes grows in many steps, and what
        # it leaves behind is room for the buffers.
        self.body = self.end = 0  # in rx, the packet found last
        self.pid = self.payload_at = 0  # of a PUBLISH, see engine.inbox
        self.topic = b""  # the last that was checked
        # How many messages at the head of the outbox have been sent in this session, and (sent) on
        # this connection; a bit for each that was acknowledged before its turn, and for each of
        # QoS 2 whose PUBREC has come.
        self.outbox: "Any" = queue
        self.known = getattr(queue, "restored", 0)
        self.acked = self.received = 0
        # When the next connection may begin, or this one began; messages that were acknowledged
        # before it, and that waited; failures in a row.
        self.since = self.stuck = ticks_ms()
        self.removed = self.behind = self.attempt = 0
        self.asked_at = self.sent_at = self.due = self.heard = self.spoke = self.since
        self.moved = 0  # bytes of a packet since it last made progress, see engine.late
        self.large = self.dial = None
        # Read for each message, so set here: looking them up in the class is slower. When
        # engine.suspects wants to be called, and pairs of a message's number and why it is done
        # without an acknowledgement.
        self.again: "Any" = None
        self.denied: "Any" = ()
        self.rx = self.view = self.tx = self.filters = self.untold = self.rejected = None  # type: ignore
        self.stream = self.poll = None
        self.hang_up()
        # What has arrived, and what leaves: the last `left` bytes of `data` are still to be
        # written, then all of `tail`.
        self.rx = bytearray(buffer)
        self.view = memoryview(self.rx)
        self.data = self.tx = bytearray(buffer + 7)
        if isinstance(queue, int):
            self.outbox = Outbox(queue)
        self.filters = {}  # what we want to be subscribed to: filter -> QoS
        self.untold = []  # filters to tell the broker; the first `asked` are being told
        self.rejected = []
        self.poll = select.poll()
        if self.version == 5:
            from mqtt.engine.v5 import Version5

            self.v5 = Version5(self, **options)

    # --- the connection

    def open(self, dial):
        """Begin to open a stream; see opened() of engine.connect."""
        self.since = self.stuck = ticks_ms()
        self.removed = self.outbox.removed
        self.behind = self.outbox.count
        self.dial = dial
        poll = select.poll()
        stream = dial()
        poll.register(stream, select.POLLOUT)  # which breaks it for good, if that is no stream
        self.poll = poll
        self.stream = stream
        self.opening = True
        gc.collect()  # engine.connect is next; in the middle of an import this would free less

    def wait(self, ms):
        """Sleep until bytes arrive, or those that wait can leave, but no longer than `ms`."""
        for _ in self.poll.ipoll(ms):
            pass

    def close(self):
        """Say goodbye, so that there is no last will, and end the connection. [MQTT-3.14.4-1]

        Returns True if the goodbye was sent, after what was being sent; False if the connection
        had ended already, or took no more. What is still in the outbox stays there.
        """
        from mqtt.engine.end import close

        return close(self, ticks_ms)

    def hang_up(self):
        """End the connection as it is; what was under way waits for the next."""
        if not self.alone:
            self.forget("connect")
        self.forget("subscribe", "pieces", "late", "end", "backoff", "reach", "words")
        stream, self.stream = self.stream, None
        self.up = self.opening = self.slow = self.ping_due = False
        self.held = self.at = 0  # bytes in rx, and how many of them were looked at
        self.began = None  # when the incomplete packet began, or last made progress
        self.data = self.tx
        self.tail = None
        self.left = 0
        self.reply = 0  # the answer that is to leave next: its first byte << 16, its identifier
        self.awaited = 0  # first byte of the one answer we wait for, besides acknowledgements
        self.sent = self.asked = 0
        large, self.large = self.large, None
        if large:
            large.abort()
        if stream is not None:
            self.poll.unregister(stream)
            self.tell(stream.close)

    def forget(self, *modules):
        """Forget modules of the engine that have done their work, so that their RAM is free."""
        for name in modules:
            if sys.modules.pop("mqtt.engine." + name, None):
                delattr(sys.modules["mqtt.engine"], name)

    def failed(self, error):
        """The connection failed or ended: hang up, and raise the error, with what is known."""
        raise self.give_up(error)

    def give_up(self, error):
        """Hang up because of an error; returns it, or one that explains it."""
        gc.collect()
        try:
            from mqtt.engine.end import ended

            error = ended(self, error, ticks_ms())
        except MemoryError:
            self.since = ticks_add(ticks_ms(), self.backoff_ms[1])
        self.hang_up()
        return error

    # --- time

    def tick(self, now, more=False):
        """Return the ms until this wants to be called again, 0 if there may be something to send.

        Raises LinkError if the broker is overdue; not yet if there may be `more` to be read.
        Nothing that begins later is due before the next look, except a short keep alive, which is
        looked at eight times as often.
        """
        answer_ms = self.answer_ms
        left = ticks_diff(self.due, now)
        if 0 < left <= answer_ms:
            return left
        waited = max(0, left)  # far above 0 if the ticks have wrapped since the last look
        if self.awaited:
            waited = max(waited, ticks_diff(now, self.asked_at))
        if self.began is not None:
            waited = max(waited, ticks_diff(now, self.began))
        if self.sent:
            waited = max(waited, ticks_diff(now, self.sent_at))
        left = min(answer_ms - waited, self.keepalive * 125 or answer_ms)
        if left > 0:
            if self.unread:
                self.unread = 0
        else:
            from mqtt.engine.late import late

            left = late(self, now, more)
        if self.keepalive and not self.awaited:
            # A PINGREQ is due three quarters of the keep alive after either side spoke last.
            quiet = max(ticks_diff(now, self.heard), ticks_diff(now, self.spoke))
            rest = self.keepalive * 750 - quiet
            left = min(left, rest)
            self.ping_due = self.ping_due or rest <= 0
        left = max(0, left)
        self.due = ticks_add(now, left)
        return left

    def excuse(self, ms):
        """A packet took this long: it has held up the answers that we wait for."""
        self.asked_at = ticks_add(self.asked_at, ms)
        self.sent_at = ticks_add(self.sent_at, ms)

    # --- sending

    def post(self, topic, payload, retain=False, qos=1, properties=None, wait=False):
        """Hand a message over without waiting; returns its number, or None if it was not taken.

        QoS 1 and 2 are kept until the broker has acknowledged: then outbox.removed > number. They
        are not taken when the queue is full, which outbox.refused counts. QoS 0 is sent at once
        and forgotten, number -1; it is not taken when the connection is not up, or still has to
        write the last packet. The topic isn't checked; use check_name() for one that
        comes from outside. payload: str, bytes, bytearray or memoryview, else TypeError.
        properties: a dict, see mqtt.properties; raises ValueError for a bad one, and without
        MQTT 5. wait: the caller waits until a QoS 0 message is written, so its payload need not be
        copied if the stream doesn't take all of it at once.
        """
        kind = type(payload)
        if kind is str:
            payload = payload.encode()
        if (
            kind is not bytes and (kind is not str and (qos or kind is not bytearray))
            or properties or self.again is not None or qos not in (0, 1, 2)
        ):  # fmt: skip
            from mqtt.engine.payload import prepared

            payload = prepared(self, topic, payload, qos, properties)
            if payload is None:
                return None
        flags = qos << 1 | 1 if retain else qos << 1
        if properties:
            flags |= 16
        number = -1
        if qos:
            number = self.outbox.put(topic, payload, flags)
        elif self.up and not self.left:
            self.encode(topic, payload, flags)
        else:
            return None
        try:
            self.send()
            if self.left and not (qos or wait):
                from mqtt.engine.pieces import own

                own(self)
        except Exception as error:  # a stream of the application's own may raise anything
            self.failed(error)  # it may be half sent: what was taken is sent again, in order
        return number

    def send(self):
        """Write what is left and what waits, each packet in one go if the stream takes it."""
        while self.left or self.next_packet():
            left = self.left
            n = self.stream.write(self.data, len(self.data) - left, left)
            if n == left and not self.slow:
                self.left = 0
                if self.tail is not None:
                    self.data, self.tail = self.tail, None
                    self.left = len(self.data)
                elif self.data is not self.tx:
                    self.data = self.tx
            else:
                from mqtt.engine.pieces import written

                if not written(self, n or 0, ticks_ms()):
                    break

    def next_packet(self):
        """Encode the packet that is to leave next; False when there is none."""
        if not self.up:
            return False
        if self.acked:  # some were acknowledged before their turn: not to be sent again
            while self.acked >> self.sent & 1:
                self.sent += 1
                self.known = max(self.known, self.sent)
        if self.reply:
            self.pack(self.reply >> 16, self.reply & 0xFFFF)
            self.reply = 0
        elif self.ping_due and not self.awaited:
            # Before the backlog: its answer separates what was kept for us from what is new.
            self.ping_due = False
            self.awaited = _PINGRESP
            self.asked_at = ticks_ms()
            self.pack(_PINGREQ)
        elif self.sent < self.outbox.count and self.sent < self.window:
            # With DUP if it has left before [MQTT-3.3.1-1]. Packet identifiers follow the order of
            # the outbox, so that no two in flight share one [MQTT-2.3.1-2]; SUBSCRIBE and
            # UNSUBSCRIBE have the last identifier for themselves.
            index = self.sent
            self.sent = index + 1
            if not index:
                self.sent_at = ticks_ms()
            outbox = self.outbox
            outbox.get(index)
            flags = outbox.flags
            pid = outbox.pid or (outbox.removed + index) % (_ASK_PID - 1) + 1
            release = 0
            if index >= self.known:
                self.known = index + 1
            else:
                flags |= 8
                release = self.received >> index & 1
            if release:  # only that is left to do [MQTT-4.3.3-1]
                self.pack(_PUBREL, pid)
            else:
                self.encode(outbox.topic, outbox.payload, flags, pid)
        elif self.untold and not self.awaited:
            gc.collect()  # see open()
            from mqtt.engine.subscribe import encode

            self.asked_at = ticks_ms()
            encode(self)
        else:
            return False
        self.spoke = ticks_ms()
        return True

    # --- packets out

    def encode(self, topic, payload, flags, pid=0):
        """Encode PUBLISH; flags: the low bits of its first byte; without a pid for QoS 0."""
        tx = self.tx
        tx[5:] = b"\0\0"
        tx.extend(topic)
        size = len(tx) - 7
        tx[5] = size >> 8
        tx[6] = size & 255
        if pid:
            tx.append(pid >> 8)
            tx.append(pid & 255)
        self.finish(_PUBLISH | flags, payload)

    def field(self, value):
        """Append a field of CONNECT or SUBSCRIBE, a topic: str or bytes behind their length."""
        tx = self.tx
        at = len(tx)
        tx.extend(b"\0\0")
        tx.extend(value)
        size = len(tx) - at - 2
        tx[at] = size >> 8
        tx[at + 1] = size & 255

    def pack(self, first, pid=0):
        """Encode a packet that is an identifier alone, or, without one, empty."""
        tx = self.tx
        tx[5:] = b""
        if pid:
            tx.append(pid >> 8)
            tx.append(pid & 255)
        self.finish(first)

    def finish(self, first, payload=b""):
        """Put the header (MQTT 2.2.3) before the body at tx[5:].

        A payload that does not fit into the buffer stays where it is, and leaves as `tail`.
        """
        tx = self.tx
        size = len(tx) + len(payload) - 5
        if size > len(self.rx):
            self.tail = payload or None
        elif payload:
            tx.extend(payload)
        at = 3
        more = size >> 7
        while more:
            more >>= 7
            at -= 1
        if at < 0:
            from mqtt.engine.words import too_long

            raise too_long(size)
        self.left = len(tx) - at
        tx[0] = tx[at] = first  # at 0 for engine.suspects
        while at < 3:
            at += 1
            tx[at] = size & 127 | 128
            size >>= 7
        tx[4] = size

    # --- receiving

    def receive(self):
        """Take in what has arrived, at most a buffer full; returns True if anything has."""
        if self.reply:  # to a message whose handler raised; it leaves first
            self.send()
        held = self.held
        # What was read, but not looked at because something was being sent, comes first.
        n = (self.large.need if self.large else len(self.rx)) - held
        if n and (not held or (self.began is not None and not self.left)):
            n = self.stream.readinto(self.view[held:] if held else self.rx, n)
            if not n:
                if n is None:
                    return False
                raise LinkError("the broker closed the connection")
            if n == 4 and not held and self.up and not self.large:
                rx = self.rx
                if rx[0] == _PUBACK and rx[1] == 2:  # what comes most often, and alone
                    self.heard = now = ticks_ms()
                    self.acked |= self.in_flight(rx[2] << 8 | rx[3], now)
                    self.pop()
                    if self.outbox.count:
                        self.send()
                    return True
            self.held = held + n
            self.moved += n
        while self.held and not self.left:  # what is being sent may be an answer: it leaves first
            now = ticks_ms()  # a handler may take any time
            first = self._packet(now)
            if not first:
                break
            self.handle(first, now)
            if self.reply or self.outbox.count or self.untold:
                self.send()
        return True

    def _packet(self, now):
        """Find the next packet; returns its first byte, or 0 if it hasn't arrived completely."""
        if self.large:
            return self.large.passed(now)
        rx = self.rx
        held = self.held
        body = at = self.at
        size = shift = 0
        while body + 1 < held:
            body += 1
            byte = rx[body]
            size |= (byte & 127) << shift
            if byte < 128:
                body += 1
                self.body = body
                self.end = end = body + size
                if end > held:
                    break
                self.at = end
                if end == held:
                    self.held = self.at = 0
                if self.began is not None:
                    if size > _PACE:
                        self.excuse(ticks_diff(now, self.began))
                    self.began = None
                return rx[at] or 1  # both are reserved kinds, see MQTT 2.2.1
            shift += 7
            if shift == 28:
                raise self.forbidden(rx[at], None)
        if at or self.began is None:
            self.began = now
            self.moved = 0
        if at:
            held -= at
            self.view[:held] = self.view[at : self.held]
            self.at = 0
            self.held = held
        if held == len(rx):
            from mqtt.engine.large import Large

            Large(self, self.end - at)  # which becomes `large`
        return 0

    def handle(self, first, now):
        """Act on the packet that was found; `first`: its first byte.

        Raises Refused if the broker refused the connection.
        """
        self.heard = now
        size = self.end - self.body
        if self.up:
            if first & 0xF0 == _PUBLISH:
                if self.inbox is None:
                    from mqtt.engine import inbox

                    Core.inbox = inbox  # for all instances: none of their dicts grows
                self.inbox.message(self, first)
                return
            if size == 2:
                pid = self.number(self.body)
                if first == _PUBACK:
                    self.acked |= self.in_flight(pid, now)
                    self.pop()
                    return
                if first in _OF_QOS2:
                    from mqtt.engine.qos2 import handle

                    handle(self, first, pid, now)
                    return
            elif first == _PINGRESP and not size:
                if self.awaited == first:
                    self.awaited = 0
                return
        if self.up:
            from mqtt.engine.subscribe import answered
        else:
            from mqtt.engine.connect import answered
        answered(self, first, size)

    def number(self, at):
        """The two-byte number at that place of rx."""
        return self.rx[at] << 8 | self.rx[at + 1]

    def forbidden(self, first, size):
        """The exception for a packet that MQTT forbids, see engine.words."""
        from mqtt.engine.words import forbidden

        return forbidden(first, size)

    def in_flight(self, pid, now):
        """The bit of the message with that identifier; 0, and counted, if there is none."""
        outbox = self.outbox
        index = outbox.index(pid) if outbox.pid else (pid - 1 - outbox.removed) % (_ASK_PID - 1)
        if index >= self.known or not 0 < pid < _ASK_PID:
            self.strays += 1
            return 0
        self.sent_at = now
        if self.resent:
            self.resent = 0
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

    # --- the application

    def deliver(self, topic, payload, retained):
        """Hand a message to the application; it is answered even if that raises."""
        if not self.on_message:
            return
        try:
            if self.v5:
                self.on_message(str(topic, "utf-8"), payload, bool(retained), self.properties)
            else:
                self.on_message(str(topic, "utf-8"), payload, bool(retained))
        except self.catches as error:
            self.caught(error)

    def tell(self, handler, *args):
        """Call the application; the connection stays even if that raises."""
        try:
            handler(*args)
        except self.catches as error:
            self.caught(error)

    def caught(self, error):
        """Print and count what the application's code has raised."""
        self.handler_errors += 1
        sys.print_exception(error)
