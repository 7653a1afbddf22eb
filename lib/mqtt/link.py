"""A connection to the broker that is kept up, without ever waiting: a machine that is stepped.

step() does all that can be done now (dial, connect, send, receive, hold the deadlines, give up and
begin anew after a pause) and says for how long nothing will be due. Who steps it may sleep
meanwhile in wait(), or do other work: mqtt.simple waits until an answer has come, mqtt.client lets
asyncio wait, a node reads its sensors.

What is posted with QoS 1 goes through the outbox and stays there until the broker acknowledges it,
over any number of connections. A packet leaves in one write.
"""

import io
import random
import select
import sys
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from mqtt.outbox import Outbox
from mqtt.packet import LinkError, Refused
from mqtt.session import Session

_CONNACK = const(0x20)
_PUBLISH = const(0x30)

_BURST = const(16)  # packets received in one step
_SOON_MS = const(10)  # time to the next try while the stream opens, or takes no more


def _ignore(*_):
    pass


class Link:
    """A connection over MQTT 3.1.1; session.up is True while it stands.

    broker: host name or address, or a dialler (see mqtt.transport); port: for a host name
    on_message(topic, payload, retained): called for every message; what it raises is counted
    on_connect(): called when a connection stands; on_lost(error): when one failed or ended
    queue: QoS 1 messages held until acknowledged; backoff_ms: (first, longest) pause
    buffer and all further arguments are those of mqtt.session.Session; session.subscribe() holds
    for all connections.

    Counters: connects, connections that stood; failures, those that did not or that ended;
    handler_errors; outbox.refused, messages that found the queue full; and those of `session`.
    """

    def __init__(
        self, broker, client_id, port=1883, *, on_message=None, on_connect=None, on_lost=None,
        queue=32, buffer=512, backoff_ms=(1000, 15_000), random=random.getrandbits, **session,
    ):  # fmt: skip
        if isinstance(broker, str):
            from mqtt.transport import tcp

            broker = tcp(broker, port)
        self.dial = broker
        self.on_message = on_message or _ignore
        self.on_connect = on_connect or _ignore
        self.on_lost = on_lost or _ignore
        self.backoff_ms = backoff_ms
        self.random = random
        self._tx = bytearray(buffer)
        self._out = io.BytesIO(buffer)
        self.outbox = Outbox(queue)
        self.session = Session(self._out, self.outbox, client_id, buffer=buffer, **session)
        self.connects = self.failures = self.handler_errors = 0
        self.stream = None
        self.opening = False  # the stream does not stand yet
        self._poller = select.poll()
        self._attempt = 0
        # When the next connection may begin, or this one has begun; since when it takes no more.
        self._since = self._stuck = ticks_ms()
        # What the stream did not take yet: bytes _at to _end of _data, then all of _tail.
        self._data = self._tail = None
        self._at = self._end = 0

    def post(self, topic, payload, retain=False, qos=1):
        """Hand a message over without waiting; returns its number in the outbox.

        QoS 1 is kept until the broker has acknowledged it: then outbox.removed > number. When the
        queue is full, -1 is returned and outbox.refused counts it. QoS 0 is sent at once and
        forgotten: 0, or -1 if the link is not up and free. The topic is taken as it is; see
        mqtt.topic for one that comes from outside.
        """
        if isinstance(payload, str):
            payload = payload.encode()
        elif qos and not isinstance(payload, bytes):
            payload = bytes(payload)  # it is held: the caller may use its buffer again
        number = 0
        if qos:
            number = self.outbox.put(topic, payload, 3 if retain else 2)
        elif self.session.up and self._data is None:
            self.session.publish(topic, payload, 1 if retain else 0)
        else:
            return -1
        try:
            self._send(not qos)
        except OSError as error:
            self.failed(error)
        return number

    def step(self):
        """Do all that can be done now; returns the ms after which to call it again, or before."""
        now = ticks_ms()
        try:
            if self.stream is None:
                left = ticks_diff(self._since, now)
                if left > 0:
                    return left
                self._since = self._stuck = now
                self.stream = self.dial()
                self.opening = True
                self._poller.register(self.stream, select.POLLOUT)
            if self.opening and not self._opened(now):
                return _SOON_MS
            wait = self.session.tick(now)
            self._send()
            return self._receive(wait)
        except (OSError, ValueError, MemoryError, Refused) as error:  # TLS raises ValueError
            self.failed(error)
            return 0

    def wait(self, ms):
        """Sleep until bytes arrive, but no longer than `ms`."""
        for _ in self._poller.ipoll(ms):
            pass

    def close(self):
        """Say goodbye, so that there is no last will, and end the connection.

        What is still in the outbox stays there; the next step() would connect again.
        """
        try:
            if self.session.up and self._data is None:
                self.session.encode(0xE0, ())
                self._send(True)
        except OSError:
            pass  # it has ended already
        self.hang_up()

    def failed(self, error):
        """The connection failed or ended: begin another after a pause."""
        now = ticks_ms()
        first, longest = self.backoff_ms
        # Only a connection that lasted shows that all is well; a CONNACK alone does not.
        if self.session.up and ticks_diff(now, self._since) > longest:
            self._attempt = 0
        # Full jitter: anything up to a limit that doubles. A refusal will not mend soon.
        pause = self.random(24) % min(longest, first << min(self._attempt, 10))
        if isinstance(error, Refused):
            pause += longest
        self.hang_up()
        self._attempt += 1
        self._since = ticks_add(now, pause)
        self.failures += 1
        self.on_lost(error)

    def hang_up(self):
        """End the connection as it is."""
        stream, self.stream = self.stream, None
        self._data = self._tail = None
        self.opening = False
        self.session.lost()
        if stream is not None:
            self._poller.unregister(stream)
            stream.close()

    # --- the parts of a step

    def _opened(self, now):
        """Begin the session if the stream has come to stand."""
        for _ in self._poller.ipoll(0):
            self.opening = False
        if self.opening:
            if ticks_diff(now, self._since) > self.session.connect_ms:
                raise LinkError("the connection does not open")
            return False
        self._poller.modify(self.stream, select.POLLIN)
        self.session.connect(now)
        self._send(True)
        return True

    def _receive(self, wait):
        """Take in what has arrived; returns `wait`, or 0 if a packet may have changed that."""
        session = self.session
        incoming = session.incoming
        for _ in range(_BURST):
            if self._data is not None:
                return _SOON_MS
            n = self.stream.readinto(incoming.into, incoming.need)
            if n is None:
                return wait
            if not n:
                raise LinkError("the broker closed the connection")
            now = ticks_ms()
            first = incoming.received(n, now)
            if not first:
                continue
            wait = 0
            kind = session.handle(first, now)
            if kind == _PUBLISH:
                self._deliver(incoming)
                session.owed = incoming.pid
            elif kind == _CONNACK:
                self.connects += 1
                self.on_connect()
            self._send()
        return 0

    def _deliver(self, incoming):
        topic = incoming.topic()
        payload = incoming.payload()
        try:
            self.on_message(topic, payload, bool(incoming.first & 1))
        except Exception as error:  # the application's; the broker gets its PUBACK all the same
            self.handler_errors += 1
            sys.print_exception(error)

    def _send(self, encoded=False):
        """Write on, the packet that was just encoded, and all that waits.

        A packet is written in one go, header and payload; the stream may take less than that.
        """
        session = self.session
        out = self._out
        while True:
            if self._data is None:
                if not (encoded or session.next_packet(ticks_ms())):
                    return
                encoded = False
                self._at = 0
                self._end = size = session.end - session.start
                self._tail = session.tail
                self._stuck = ticks_ms()
                out.seek(session.start)
                if size > len(self._tx):
                    self._data = out.read(size)
                else:
                    self._data = self._tx
                    out.readinto(self._tx, size)
            self._at += self.stream.write(self._data, self._at, self._end - self._at) or 0
            if self._at < self._end:
                if ticks_diff(ticks_ms(), self._stuck) > session.connect_ms:
                    raise LinkError("the connection takes no more")
                return
            self._data, self._tail = self._tail, None
            if self._data is not None:
                self._at = 0
                self._end = len(self._data)
