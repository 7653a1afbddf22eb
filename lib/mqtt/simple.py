"""The blocking client: umqtt's class, methods and callbacks over the same session.

Every call has a deadline, and a connection that fails raises an OSError. What was published with
QoS 1 and not acknowledged until then is kept and sent again, first, after reconnect() or
connect().
"""

import io
import select
from time import sleep_ms, ticks_diff, ticks_ms

from micropython import const

from mqtt.outbox import Outbox
from mqtt.packet import LinkError, Refused
from mqtt.session import Session
from mqtt.topic import check_filter, check_name

MQTTException = Refused  # umqtt's name

_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_SKIPPED = const(1)  # a kind of packet, for there may be more behind it
_FOREVER_MS = const(60_000)
_CONGESTED_MS = const(5)  # pause before the next try when the stream takes no more


class MQTTClient:
    """A blocking MQTT 3.1.1 client. The arguments up to keepalive (seconds) are umqtt.simple's.

    dial: how to connect, see mqtt.transport; the default is TCP to server and port
    queue: QoS 1 messages held until acknowledged
    buffer and window: see mqtt.session.Session
    """

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=0, *, dial=None,
        queue=8, buffer=512, window=8,
    ):  # fmt: skip
        if dial is None:
            from mqtt.transport import tcp

            dial = tcp(server, port or 1883)
        self._dial = dial
        self._tx = bytearray(buffer)
        self._out = io.BytesIO(buffer)
        self._outbox = Outbox(queue)
        self._poller = select.poll()
        self._stream = None
        self._callback = None
        self._calling = False
        self.session = Session(
            self._out, self._outbox, client_id, user, password, keepalive, True, None, window,
            buffer,
        )  # fmt: skip

    def set_callback(self, f):
        """f(topic, payload), both bytes, is called for every message."""
        self._callback = f

    def set_last_will(self, topic, msg, retain=False, qos=0):
        """The broker publishes this when the connection ends without disconnect()."""
        if qos not in (0, 1, 2):
            raise ValueError("last will: QoS %r; 0, 1 or 2 [MQTT-3.1.2-14]" % qos)
        self.session.will = (check_name(topic), msg, qos, retain)

    def connect(self, clean_session=True):
        """Connect; returns True if the broker still had our session. Raises OSError or Refused."""
        session = self.session
        if not clean_session and not session.client_id:
            raise ValueError("client_id: empty; a persistent session needs one [MQTT-3.1.3-7]")
        self._hang_up()
        session.clean = clean_session
        self._stream = stream = self._dial()
        self._poller.register(stream, select.POLLOUT)
        if not self._poller.poll(session.connect_ms):
            self._hang_up()
            raise LinkError("no connection within %d ms" % session.connect_ms)
        self._poller.modify(stream, select.POLLIN)
        session.connect(ticks_ms())
        self._send(True)
        while self._step(_FOREVER_MS) != _CONNACK:
            pass
        return session.present

    def reconnect(self, attempts=0):
        """Connect until it succeeds, or `attempts` times; jittered pauses of up to 15 s between.

        Raises Refused, for which trying again is no help, or the last OSError after `attempts`.
        """
        import random

        tried = 0
        while True:
            try:
                return self.connect(self.session.clean)
            except OSError:
                tried += 1
                if tried == attempts:
                    raise
            sleep_ms(random.getrandbits(24) % min(15_000, 1000 << min(tried, 4)))

    def disconnect(self):
        """Say goodbye, so that there is no last will, and close."""
        if self._stream is not None:
            self.session.encode(0xE0, ())
            self.session.up = False
            self._send(True)
            self._hang_up()

    def publish(self, topic, msg, retain=False, qos=0):
        """Publish; with QoS 1 it returns when the broker has acknowledged.

        Raises OSError if the connection fails; a QoS 1 message is then sent after the next.
        From inside the callback it does not wait, since the callback runs inside a wait.
        """
        check_name(topic)
        if isinstance(msg, str):
            msg = msg.encode()
        if not qos:
            if not self.session.up:
                raise LinkError("not connected: call connect() or reconnect()")
            self.session.publish(topic, msg, 1 if retain else 0)
            self._send(True)
            return
        outbox = self._outbox
        while outbox.count == outbox.limit and not self._calling:
            self._step(_FOREVER_MS)
        number = outbox.put(topic, msg, 3 if retain else 2)
        if number < 0:
            raise OSError("queue full: %d messages wait for the broker" % outbox.limit)
        while outbox.removed <= number and not self._calling:
            self._step(_FOREVER_MS)

    def subscribe(self, topic, qos=0):
        """Subscribe, for this and all later connections. Raises OSError if refused."""
        session = self.session
        session.subscribe(check_filter(topic), qos)
        while not session.settled() and not self._calling:
            self._step(_FOREVER_MS)
        if topic in session.rejected:
            raise OSError("subscription refused: %s" % topic)

    def ping(self):
        """Send PINGREQ now; its answer is awaited by whatever call comes next."""
        self.session.ping = True
        self._send()

    def wait_msg(self):
        """Wait until a message has been delivered, however long; keeps the connection alive."""
        while self._step(_FOREVER_MS) != _PUBLISH:
            pass

    def check_msg(self):
        """Deliver what has arrived, without waiting; sends a PINGREQ where one is due."""
        while self._step(0):
            pass

    # --- one step at a time

    def _step(self, wait_ms):
        """Send what waits, then take in one packet or wait for bytes; returns its kind or 0."""
        if self._stream is None:
            raise LinkError("not connected: call connect() or reconnect()")
        session = self.session
        incoming = session.incoming
        try:
            wait = min(wait_ms, session.tick(ticks_ms()))
            self._send()
            first = 0
            while not first:
                n = self._stream.readinto(incoming.into, incoming.need)
                if n is None:
                    for _ in self._poller.ipoll(wait):
                        pass
                    return 0
                if n == 0:
                    raise LinkError("the broker closed the connection")
                first = incoming.received(n, ticks_ms())
            kind = session.handle(first, ticks_ms())
            if kind == _PUBLISH:
                topic = incoming.topic().encode()
                payload = incoming.payload()
        except (OSError, ValueError, MemoryError, Refused):  # TLS raises ValueError
            self._hang_up()
            raise
        if kind == _PUBLISH:
            self._deliver(topic, payload, incoming.pid)
        return kind or _SKIPPED

    def _deliver(self, topic, payload, pid):
        calling, self._calling = self._calling, True
        try:
            if self._callback:
                self._callback(topic, payload)
        finally:  # the broker gets its PUBACK all the same
            self._calling = calling
            self.session.owed = pid
            self._send()

    def _send(self, encoded=False):
        """Write the packet that was just encoded, and all that waits to be sent."""
        session = self.session
        out = self._out
        tx = self._tx
        try:
            while encoded or session.next_packet(ticks_ms()):
                encoded = False
                size = session.end - session.start
                out.seek(session.start)
                if size > len(tx):
                    self._write(out.read(size), size)
                else:
                    out.readinto(tx, size)
                    self._write(tx, size)
                if session.tail is not None:
                    self._write(session.tail, len(session.tail))
        except (OSError, ValueError):
            self._hang_up()
            raise

    def _write(self, data, size):
        stream = self._stream
        began = ticks_ms()
        at = stream.write(data, size) or 0
        while at < size:
            if ticks_diff(ticks_ms(), began) > self.session.connect_ms:
                raise LinkError("the connection takes no more")
            sleep_ms(_CONGESTED_MS)
            at += stream.write(data, at, size - at) or 0

    def _hang_up(self):
        stream, self._stream = self._stream, None
        self.session.lost()
        if stream is not None:
            self._poller.unregister(stream)
            stream.close()
