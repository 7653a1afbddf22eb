"""A connection to the broker that is kept up: one task connects and reads, one keeps its time.

What is posted with QoS 1 goes through the outbox and stays there until the broker acknowledges
it, over any number of connections. Posting only encodes and writes; nobody but the connection's
own task waits for the broker. A packet leaves in one write. Every wait has a deadline, most of
them the session's; whatever is overdue or fails ends the connection, and after a pause the next
begins.

This is all that a program needs which never waits for an answer; mqtt.client has the rest.
"""

import asyncio
import io
import random
import sys
from asyncio import core  # type: ignore[attr-defined]
from time import ticks_diff, ticks_ms

from micropython import const

from mqtt.outbox import Outbox
from mqtt.packet import LinkError, Refused
from mqtt.session import Session

_CONNACK = const(0x20)
_PUBLISH = const(0x30)

_TICK_MS = const(1000)  # at most so long between two looks at the deadlines
_BURST = const(16)  # packets handled in one go before other tasks have their turn
_CONGESTED_MS = const(5)  # pause before the next try when the stream takes no more


def _switch():  # after core._io_queue.queue_...: wait for that, as asyncio's own streams do
    yield


def _ignore(*_):
    pass


class Link:
    """A connection over MQTT 3.1.1 that is kept up from start() to close().

    session.up is True while it stands; session.subscribe() holds for all connections.

    broker: host name or address, or a dialler (see mqtt.transport); port: for a host name
    on_message(topic, payload, retained): called for every message; what it raises is counted
    on_connect(): called when a connection stands; on_lost(error): when one failed or ended
    queue: QoS 1 messages held until acknowledged; backoff_ms: (first, longest) pause
    buffer and all further arguments are those of mqtt.session.Session.

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
        self._dial = broker
        self._on_message = on_message or _ignore
        self._on_connect = on_connect or _ignore
        self._on_lost = on_lost or _ignore
        self._backoff_ms = backoff_ms
        self._random = random
        self._tx = bytearray(buffer)
        self._out = io.BytesIO(buffer)
        self.outbox = Outbox(queue)
        self.session = Session(self._out, self.outbox, client_id, buffer=buffer, **session)
        self.connects = self.failures = self.handler_errors = 0
        self._stream = self._task = self._fault = None
        # What the stream did not take yet: bytes _at to _end of _data, then all of _tail.
        self._data = self._tail = None
        self._at = self._end = 0

    def start(self):
        """Begin to connect, and go on until close(). Call it inside a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def post(self, topic, payload, retain=False, qos=1):
        """Hand a message over without waiting; returns its number in the outbox.

        QoS 1 is kept until the broker has acknowledged it: then outbox.removed > number. When the
        queue is full, -1 is returned and outbox.refused counts it. QoS 0 is sent at once and
        forgotten: 0, or -1 if the link is not up and free. The topic is taken as it is; see
        mqtt.topic for one that comes from outside.
        """
        if isinstance(payload, str):
            payload = payload.encode()
        if qos:
            if not isinstance(payload, bytes):
                payload = bytes(payload)  # it is held: the caller may use its buffer again
            number = self.outbox.put(topic, payload, 3 if retain else 2)
            self._pump()
            return number
        if not self.session.up or self._data is not None:
            return -1
        self.session.publish(topic, payload, 1 if retain else 0)
        self._pump(True)
        return 0

    async def close(self):
        """Send DISCONNECT, so that there is no last will, and end the connection for good.

        What is still in the outbox stays there.
        """
        task, self._task = self._task, None
        if task is None:
            return
        await self._drained()
        if self.session.up:
            self.session.encode(0xE0, ())
            self._pump(True)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    def heard(self):
        """Called after each packet: something that somebody waits for may have come."""

    # --- one connection after another

    async def _run(self):
        first, longest = self._backoff_ms
        attempt = 0
        while True:
            self._fault = None
            began = ticks_ms()
            clock = asyncio.create_task(self._keep_time())
            try:
                await self._connection()
            except (OSError, ValueError, MemoryError, Refused) as error:  # TLS: ValueError
                self._fault = error
            except asyncio.CancelledError:
                if self._fault is None or self._task is None:  # close(), not _break()
                    raise
            finally:
                clock.cancel()
                stood = self.session.up
                self.session.lost()
                stream, self._stream = self._stream, None
                self._data = self._tail = None
                if stream:
                    stream.close()
            self.failures += 1
            self._on_lost(self._fault)
            # Only a connection that lasted shows that all is well; a CONNACK alone does not.
            if stood and ticks_diff(ticks_ms(), began) > longest:
                attempt = 0
            # Full jitter: anything up to a limit that doubles. A refusal will not mend soon.
            pause = self._random(24) % min(longest, first << min(attempt, 10))
            if isinstance(self._fault, Refused):
                pause += longest
            await asyncio.sleep_ms(pause)
            attempt += 1

    async def _connection(self):
        session = self.session
        incoming = session.incoming
        self._stream = stream = self._dial()
        core._io_queue.queue_write(stream)
        await _switch()
        session.connect(ticks_ms())
        self._pump(True)
        burst = 0
        while True:
            n = stream.readinto(incoming.into, incoming.need)
            if not n:
                if n == 0:
                    raise LinkError("the broker closed the connection")
                core._io_queue.queue_read(stream)
                await _switch()
                burst = 0
                continue
            now = ticks_ms()
            first = incoming.received(n, now)
            if not first:
                continue
            kind = session.handle(first, now)
            if kind == _PUBLISH:
                topic = incoming.topic()
                payload = incoming.payload()
                try:
                    self._on_message(topic, payload, bool(incoming.first & 1))
                except Exception as error:  # the application's; the broker gets its PUBACK
                    self.handler_errors += 1
                    sys.print_exception(error)
                session.owed = incoming.pid
            elif kind == _CONNACK:
                self.connects += 1
                self._on_connect()
            await self._drained()
            self._pump()
            self.heard()
            burst += 1
            if burst == _BURST:
                burst = 0
                await asyncio.sleep_ms(0)

    async def _keep_time(self):
        """Hold the deadlines of the connection, and send what is due by time alone."""
        session = self.session
        since = ticks_ms()  # when it began to open, or its stream last took all it was given
        while True:
            now = ticks_ms()
            try:
                wait = session.tick(now)
                if session.up and self._data is None:
                    since = now
                elif ticks_diff(now, since) > session.connect_ms:
                    raise LinkError("the connection does not open, or takes no more")
                self._pump()
            except OSError as error:
                self._break(error)
                return
            await asyncio.sleep_ms(min(wait, _TICK_MS))

    def _break(self, error):
        """End the connection, whichever task found that it has failed."""
        if core.cur_task is self._task:
            raise error
        if self._fault is None and self._stream is not None:
            self._fault = error
            self._task.cancel()

    # --- writing

    def _pump(self, encoded=False):
        """From any task: write on, the packet that was just encoded, and all that waits.

        A packet is written in one go, header and payload; the stream may take less than that.
        """
        session = self.session
        out = self._out
        try:
            while True:
                if self._data is None:
                    if not (encoded or session.next_packet(ticks_ms())):
                        return
                    encoded = False
                    self._at = 0
                    self._end = size = session.end - session.start
                    self._tail = session.tail
                    out.seek(session.start)
                    if size > len(self._tx):
                        self._data = out.read(size)
                    else:
                        self._data = self._tx
                        out.readinto(self._tx, size)
                self._at += self._stream.write(self._data, self._at, self._end - self._at) or 0
                if self._at < self._end:
                    return
                self._data, self._tail = self._tail, None
                if self._data is not None:
                    self._at = 0
                    self._end = len(self._data)
        except OSError as error:
            self._break(error)

    async def _drained(self):
        """Wait until the stream has taken all of the last packet, or the connection is gone."""
        while self._data is not None:
            await asyncio.sleep_ms(_CONGESTED_MS)
            self._pump()
