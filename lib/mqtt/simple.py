"""The blocking client: umqtt's class, methods and callbacks, over a connection that it serves.

Every call has a deadline, and a connection that fails raises an OSError. Messages of QoS 1 or 2
that weren't acknowledged by then are kept, and sent again first after reconnect() or connect().
"""

import gc
from time import sleep_ms, ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.base import LinkError, Refused
from mqtt.engine.core import Core, check_name
from mqtt.transport import tcp

gc.collect()  # free what loading left behind, so that what follows leaves no gaps

_SOON_MS = const(10)  # until the next try, while the stream opens or is full
_LARGEST = const(16384)  # bytes of payload to keep in RAM, if there is that much

MQTTException = Refused  # umqtt's name


class MQTTClient(Core):
    """A blocking MQTT client. The arguments up to ssl_params are umqtt.simple's.

    keepalive: seconds; ssl: True, or an SSLContext, for TLS; ssl_params: arguments of mqtt.tls.tls
    dial: another way to connect, see mqtt.transport
    queue: how many messages to hold until they are acknowledged; more options: engine.core.Core.
    A message larger than `buffer` takes as much RAM as it needs, up to 16 KiB.

    If the callback raises, the method that called it raises the same, and the connection stays. If
    a dialler raises, connect() does. What on_connect, on_large and its sinks raise is printed and
    counted (handler_errors); only the large message is lost.
    """

    _callback = None
    _raised = False  # the current exception came from there
    _messages = 0

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None,
        ssl_params=None, *, dial=None, queue=8, buffer=256, **options,
    ):  # fmt: skip
        if user is not None:
            options["user"] = user
        if password is not None:
            options["password"] = password
        options["keepalive"] = keepalive
        self._calling = False  # inside the callback
        self._topic = self  # the last topic that was checked; none yet
        super().__init__(client_id, queue, buffer, options)
        if ssl:
            from mqtt.tls import umqtt

            dial = umqtt(server, port or 8883, ssl, ssl_params or {})
        self.dial = dial or tcp(server, port or 1883)

    def on_large(self, _, size, retained):
        """Return what takes a message larger than the buffer, unless the program sets another."""
        if size <= _LARGEST:
            from mqtt.engine.large import Whole

            return Whole(size)

    def set_callback(self, f):
        """Call f(topic, payload), both bytes, for every message."""
        self._callback = f

    def set_last_will(self, topic, msg, retain=False, qos=0):
        """Set what the broker publishes if the connection ends without disconnect()."""
        from mqtt.engine.options import check

        check(self, 1, 16, {"will": (topic, msg, qos, retain)})

    def connect(self, clean_session=True, timeout=None):
        """Connect; returns True if the broker still had our session.

        timeout: the seconds to wait for the connection, and for each answer, up to a day. Raises
        OSError or Refused.
        """
        if timeout is not None or not clean_session:
            from mqtt.engine.options import check

            check(self, 1, 16, {"clean": clean_session}, timeout)
        if timeout:
            self.connect_ms = self.answer_ms = int(timeout * 1000)
        self.hang_up()
        self.clean = clean_session
        try:
            self.open(self.dial)
        except self.catches as error:
            self.failed(error)
        while not self.up:
            self._turn()
        return self.present

    def reconnect(self, attempts=0):
        """Connect until it succeeds, or `attempts` times, with the pauses of mqtt.link.

        It also pauses before the first attempt if the last connection didn't last. Raises Refused,
        because trying again won't help then, or the last OSError after `attempts`.
        """
        tried = 0
        while True:
            left = ticks_diff(self.since, ticks_ms())
            if 0 < left <= 4 * self.backoff_ms[1]:  # otherwise the ticks have wrapped
                sleep_ms(left)
            try:
                return self.connect(self.clean)
            except OSError:
                tried += 1
                if tried == attempts:
                    raise

    def disconnect(self):
        """Say goodbye, so that there is no last will, and close; return True if it was sent."""
        return self.close()

    def publish(self, topic, msg, retain=False, qos=0, properties=None):
        """Publish; with QoS 1 or 2, return when the broker has acknowledged.

        msg: str, bytes, bytearray or memoryview. properties: a dict, with MQTT 5, see
        mqtt.properties. Raises OSError if the connection fails; what the queue has taken is then
        sent after the next connect. Raises Refused if an MQTT 5 broker refuses the message. Inside
        the callback it doesn't wait, because the callback runs inside a wait; there it raises
        OSError if the queue is full.
        """
        if topic is not self._topic:  # the same as before needs no second check
            self._topic = topic = check_name(topic)
        outbox = self.outbox
        if not self._calling and (self.left or outbox.count == outbox.limit):
            self._until(outbox.removed if qos else -1)
        number = self.post(topic, msg, retain, qos, properties, not self._calling)
        if number is None:
            from mqtt.engine.room import not_taken

            raise not_taken(self, qos)
        if outbox.removed <= number or self.left:
            self._until(number)
        if self.denied:
            from mqtt.engine.reasons import raise_for

            raise_for(self, number)

    def subscribe(self, topic, qos=0):
        """Subscribe, for this and all later connections; topic: a filter, or a list of them.

        The list may have (filter, qos) in place of a filter. Raises OSError if one is refused.
        """
        gc.collect()  # in the middle of an import this would free less
        from mqtt.engine.subscribe import ask, granted

        asked = ask(self, topic, qos)
        while self.untold and not self._calling:
            self.check_msg()
            self.send()
            self._turn()
        granted(self, asked)

    def unsubscribe(self, topic):
        """Unsubscribe from a filter, or a list of them."""
        self.subscribe(topic, None)

    def ping(self):
        """Send PINGREQ now; the next call waits for the answer."""
        self.ping_due = True
        self.check_msg()
        self.send()

    def wait_msg(self):
        """Wait for a message, however long, and deliver it; keeps the connection alive."""
        messages = self._messages
        while self._messages == messages:
            self._turn()

    def check_msg(self):
        """Deliver what has arrived, without waiting; sends a PINGREQ if one is due."""
        self._turn(False)

    def deliver(self, topic, payload, retained):
        """Call the callback. The caller gets what it raises, and the broker gets its answer."""
        self._messages += 1
        self._calling = self._raised = True
        try:
            if self._callback:
                self._callback(topic, payload)
            self._raised = False
        finally:
            self._calling = False

    def _until(self, number):
        """Serve the connection until that message is acknowledged and all is written."""
        while not self._calling and (self.outbox.removed <= number or self.left):
            self._turn()

    def _turn(self, wait=True):
        """Serve the connection once; wait: wait until there is something to do."""
        if self._calling:
            raise LinkError("not from inside the callback")
        if self.stream is None:
            from mqtt.engine.room import not_taken

            raise not_taken(self, 0)
        self._raised = False
        try:
            if self.opening:
                from mqtt.engine.connect import opened

                if not opened(self, ticks_ms()):
                    self.wait(_SOON_MS)
                    return
            left = _SOON_MS if self.left else self.tick(ticks_ms(), True)
            if self.again is not None:
                from mqtt.engine.suspects import retry

                left = min(left, retry(self))
            if wait and (self.began is not None or not self.held):
                self.wait(left)
            more = self.receive()
            # If nothing was due and something came, nothing is due now.
            if self.left or not (left and more or self.tick(ticks_ms(), more) and left):
                self.send()
        except Exception as error:
            if self._raised:
                raise
            if isinstance(error, ValueError):  # a certificate that isn't valid
                error = LinkError("TLS: " + str(error).strip())
            self.failed(error)
