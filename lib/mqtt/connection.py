"""One connection to the broker: carries bytes between a stream and a session, and never waits.

What is posted with QoS 1 or 2 goes through the outbox and stays there until the broker has
acknowledged it, over any number of connections. A packet leaves in one write.
"""

import gc
import io
import random
import select
import sys
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.outbox import Outbox
from mqtt.packet import LinkError
from mqtt.session import Session

gc.collect()  # what loading has left behind, so that what follows leaves no gaps

_CONNACK = const(0x20)
_PUBLISH = const(0x30)

_CONNECT_MS = const(10_000)  # from the dial to CONNACK, where nobody asks for more
_SOON_MS = const(10)  # to the next look whether the stream takes the goodbye


class Connection:
    """A connection over MQTT 3.1.1 (version=4), 3.1 (3) or 5; session.up while it stands.

    on_message(topic, payload, retained): called for every message, with MQTT 5 with the message's
    properties as a fourth argument, a dict
    on_large(topic, size, retained): for a message larger than the buffer; returns an object with
    write(piece) and close(), say an open file, that on_message then gets as its payload; or None,
    which drops it. A message that is cut short ends with abort() instead, where the object has
    that, and does not reach on_message. on_connect(): called when the connection stands.
    What these raise is printed and counted, and the connection goes on.
    queue: messages of QoS 1 and 2 held until acknowledged, or an outbox
    backoff_ms: the first and the longest pause before a new attempt, up to a day; see mqtt.link
    buffer and all further arguments are those of mqtt.session.Session, or mqtt.v5.Session5.

    Counters: connects, connections that stood; handler_errors, exceptions of the application's
    code; outbox.refused, messages that found the queue full; and those of `session`.
    """

    # What the application's code may raise.
    catches: type[BaseException] | tuple[type[BaseException], ...] = Exception

    def __init__(
        self, client_id, *, on_message=None, on_large=None, on_connect=None, queue=32, buffer=512,
        version=4, backoff_ms=(1000, 15_000), **session,
    ):  # fmt: skip
        from mqtt.options import check

        check(client_id, queue, buffer, version, session, backoff_ms)
        kind = Session
        if version == 5:
            from mqtt.v5 import Session5 as kind
        self.on_message = on_message
        self.on_connect = on_connect
        self.outbox = Outbox(queue) if isinstance(queue, int) else queue
        self.session = kind(
            io.BytesIO(64),
            self.outbox,
            client_id,
            buffer=buffer,
            version=version,
            on_large=on_large and (on_large, self.caught),
            **session,
        )
        self.connects = self.handler_errors = 0
        self.stream = None
        self.opening = False  # the stream does not stand yet
        self._poller = select.poll()
        # What the stream did not take yet: bytes _at to _end of _data, then all of _tail; and
        # since when that gets on no more, or the connection begins.
        self._data = self._tail = None
        self._at = self._end = 0
        # When the next connection may begin, or this one has; messages that were acknowledged
        # before it, and that waited; failures in a row.
        self._since = self._stuck = ticks_ms()
        self._removed = self._behind = self._attempt = 0
        self.past = None  # what mqtt.backoff remembers of earlier ends
        self.random = random.getrandbits
        self.backoff_ms = backoff_ms
        self.again = None  # when mqtt.suspects wants to be called

    def post(self, topic, payload, retain=False, qos=1, properties=None, wait=False):
        """Hand a message over without waiting; returns its number, or None if it was not taken.

        QoS 1 and 2 are kept until the broker has acknowledged: then outbox.removed > number. They
        are not taken when the queue is full, which outbox.refused counts. QoS 0 is sent at once
        and forgotten, number -1; it is not taken when the connection is not up, or still has to
        write the last packet. The topic is taken as it is; see mqtt.topic for one that comes from
        outside. payload: str, bytes, bytearray or memoryview, else TypeError. properties: a dict,
        see mqtt.properties; raises ValueError for a bad one, and without MQTT 5. wait: the caller
        of a QoS 0 message waits until it is written, so that its payload need not be copied if
        the stream does not take all of it at once.
        """
        if qos not in (0, 1, 2):
            raise ValueError("QoS %r; 0, 1, 2 [MQTT-3.3.1-4]" % (qos,))
        kind = type(payload)
        if kind is str:
            payload = payload.encode()
        elif kind is not bytes and kind is not bytearray:
            from mqtt.payload import check

            payload = check(payload)
        flags = qos << 1 | 1 if retain else qos << 1
        if self.again is not None and topic in self.past[9]:
            self.outbox.refused += 1
            return None
        if properties:
            from mqtt.properties import joined

            payload = joined(self.session, properties, payload)
            flags |= 16
        number = -1
        if qos:
            if not isinstance(payload, bytes):
                payload = bytes(payload)  # it is held: the caller may use its buffer again
            number = self.outbox.put(topic, payload, flags)
        elif self.session.up and self._data is None:
            self.session.packet.publish(topic, payload, flags)
        else:
            return None
        try:
            self.send(not qos)
            if not (qos or wait) and self._data is not None:
                from mqtt.payload import own

                own(self)
        except Exception as error:  # a stream of the application's own may raise anything
            self.failed(error)  # it may be half said: what is taken is sent anew, in its order
        return number

    def wait(self, ms):
        """Sleep until bytes arrive, or those that wait can leave, but no longer than `ms`."""
        for _ in self._poller.ipoll(ms):
            pass

    def close(self):
        """Say goodbye, so that there is no last will, and end the connection. [MQTT-3.14.4-1]

        Returns True if the goodbye has left, behind what was leaving; False if the connection had
        ended before, or took no more. What is still in the outbox stays there.
        """
        left = False
        for left in self.left():
            self.wait(0 if left else _SOON_MS)
        self.hang_up()
        return left

    def left(self):
        """Say goodbye; yields False whenever the stream takes no more, and True once it has left.

        Nothing follows it, whatever is posted meanwhile. [MQTT-3.14.4-2]
        """
        session = self.session
        stream = session.up and self.stream
        session.up = said = False
        try:
            while self.stream is stream:
                if self._data is not None:
                    self._write_on()
                    if self._data:
                        yield False
                elif said:
                    yield True
                    return
                else:
                    said = True
                    self._data = b"\xe0\0"
                    self._at = 0
                    self._end = 2
                    self._stuck = ticks_ms()
        except Exception:
            pass  # it has ended already

    def failed(self, error):
        """The connection failed or ended: hang up, and raise the error, with what is known."""
        raise self.end(error)

    def end(self, error):
        """Hang up because of an error; returns it, or one that explains it.

        The first in a while may be chance, and needs no more than a short pause.
        """
        gc.collect()
        if self.past is None and self.session.up:
            self.past = self.outbox.removed if self.session.sent else -1
            self._attempt = 1
            self._since = ticks_add(ticks_ms(), self.random(24) % self.backoff_ms[0])
        else:
            try:
                from mqtt.pause import ended

                error = ended(self, error)
            except MemoryError:
                self._since = ticks_add(ticks_ms(), self.backoff_ms[1])
        if self.session.version == 5:
            from mqtt.v5 import broken

            broken(self, error)
        self.hang_up()
        return error

    def hang_up(self):
        """End the connection as it is."""
        stream, self.stream = self.stream, None
        self._data = self._tail = None
        self.opening = False
        self.session.lost()
        if stream is not None:
            self._poller.unregister(stream)
            self.tell(stream.close)

    # --- what its owner calls, again and again

    def open(self, dial):
        """Begin to open a stream; see opened()."""
        self._since = self._stuck = ticks_ms()
        self._removed = self.outbox.removed
        self._behind = self.outbox.count
        # How the stream is opened, and how long that and CONNACK may take.
        self._dial = dial
        self.connect_ms = self.session.connect_ms or getattr(dial, "connect_ms", 0) or _CONNECT_MS
        poller = select.poll()
        stream = dial()
        poller.register(stream, select.POLLOUT)  # which breaks it for good, if that is no stream
        self._poller = poller
        self.stream = stream
        self.opening = True

    def opened(self):
        """True if the stream has come to stand; then the session has begun."""
        from mqtt.connect import opened

        return opened(self)

    def receive(self):
        """Take in what has arrived, a buffer full at most; returns True if it was anything."""
        session = self.session
        incoming = session.incoming
        if session.reply:  # to a message whose handler raised; nothing is taken in before
            self.send()
        # What was read and not looked at yet, because something is being sent, has its place.
        if not incoming.held or (incoming.began is not None and self._data is None):
            n = self.stream.readinto(incoming.into, incoming.need)
            if not n:
                if n is None:
                    return False
                raise LinkError("the broker closed the connection")
            incoming.held += n
            incoming.moved += n
        # What is being sent may be an answer: no other before it.
        while incoming.held and self._data is None:
            now = ticks_ms()  # who knows what a handler did
            first = incoming.packet(now)
            if not first:
                break
            first = session.handle(first, now)
            if first == _PUBLISH:
                large, incoming.large = incoming.large, None
                if large:
                    large.close()
                    if large.payload is not None:
                        self.deliver(large.topic, large.payload, incoming.first & 1)
                else:
                    self.deliver(incoming.topic(), incoming.payload(), incoming.first & 1)
                session.reply = session.ack
            elif first == _CONNACK:
                self.connects += 1
                if self.on_connect:
                    self.tell(self.on_connect)
            if session.reply or self.outbox.count or session.untold:
                self.send()
        return True

    def deliver(self, topic, payload, retained):
        """Hand a message to the application; what that raises is no reason not to answer it."""
        if not self.on_message:
            return
        try:
            if self.session.version < 5:
                self.on_message(str(topic, "utf-8"), payload, bool(retained))
            else:
                told = self.session.incoming.properties
                self.on_message(str(topic, "utf-8"), payload, bool(retained), told)
        except self.catches as error:
            self.caught(error)

    def tell(self, handler, *args):
        """Call the application; what that raises is no reason to end anything."""
        try:
            handler(*args)
        except self.catches as error:
            self.caught(error)

    def caught(self, error):
        """Print and count what the application's code has raised."""
        self.handler_errors += 1
        sys.print_exception(error)

    def send(self, encoded=False):
        """Write on, the packet that was just encoded, and all that waits.

        A packet is written in one go, header and payload; the stream may take less than that.
        """
        if self._data is not None:
            self._write_on()
        session = self.session
        while self._data is None and (encoded or session.next_packet(ticks_ms())):
            encoded = False
            packet = session.packet
            at = packet.start
            at += self.stream.write(packet.tx, at, packet.stop - at) or 0
            if at < packet.stop or packet.tail is not None:
                self._data = packet.tx
                self._at = at
                self._end = packet.stop
                self._tail = packet.tail
                if session.up:
                    self._stuck = ticks_ms()
                session.incoming.moved = 0
                self._write_on()

    def _write_on(self):
        """Write what the stream did not take before."""
        while self._data is not None:
            if self._at < self._end:
                n = self.stream.write(self._data, self._at, self._end - self._at)
                if not n:
                    self.stalled()
                    return
                self._at += n
                self.session.incoming.moved += n
            else:
                self._data, self._tail = self._tail, None
                self._at = 0
                self._end = len(self._data or b"")
        self._poller.modify(self.stream, select.POLLIN)
        if self.session.up:
            self.session.incoming.busy += ticks_diff(ticks_ms(), self._stuck)

    def stalled(self):
        """The stream takes no more for now; raises LinkError when it has not for too long."""
        self._poller.modify(self.stream, select.POLLIN | select.POLLOUT)
        now = ticks_ms()
        if not 0 <= ticks_diff(now, self._stuck) <= self.session.answer_ms:  # the ticks wrap
            from mqtt.late import stalled

            stalled(self, now)
