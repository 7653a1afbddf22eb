"""The blocking client: umqtt's class, methods and callbacks, over a link that it steps itself.

Every call has a deadline, and a connection that fails raises an OSError. What was published with
QoS 1 and not acknowledged until then is kept and sent again, first, after reconnect() or
connect().
"""

from time import sleep_ms, ticks_ms

from mqtt.link import Link
from mqtt.packet import LinkError, Refused
from mqtt.topic import check_filter, check_name

MQTTException = Refused  # umqtt's name


class MQTTClient(Link):
    """A blocking MQTT 3.1.1 client. The arguments up to keepalive (seconds) are umqtt.simple's.

    dial: how to connect, see mqtt.transport; the default is TCP to server and port
    queue: QoS 1 messages held until acknowledged; further ones are those of mqtt.link.Link
    """

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=0, *, dial=None,
        queue=8, **options,
    ):  # fmt: skip
        super().__init__(
            dial or server, client_id, port or 1883, on_message=self._arrived, queue=queue,
            user=user, password=password, keepalive=keepalive, **options,
        )  # fmt: skip
        self._callback = None
        self._calling = False
        self._raised = None  # by the callback: passed on when the step has ended
        self._messages = 0

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
        self.hang_up()
        session.clean = clean_session
        self._since = ticks_ms()
        self.step()
        while not session.up:
            self._turn()
        return session.present

    def reconnect(self, attempts=0):
        """Connect until it succeeds, or `attempts` times; jittered pauses of up to 15 s between.

        Raises Refused, for which trying again is no help, or the last OSError after `attempts`.
        """
        tried = 0
        while True:
            try:
                return self.connect(self.session.clean)
            except OSError:
                tried += 1
                if tried == attempts:
                    raise
            sleep_ms(self.random(24) % min(15_000, 1000 << min(tried, 4)))

    def disconnect(self):
        """Say goodbye, so that there is no last will, and close."""
        self.close()

    def publish(self, topic, msg, retain=False, qos=0):
        """Publish; with QoS 1 it returns when the broker has acknowledged.

        Raises OSError if the connection fails; a QoS 1 message is then sent after the next.
        From inside the callback it does not wait, since the callback runs inside a wait.
        """
        check_name(topic)
        outbox = self.outbox
        waits = not self._calling
        while waits and (outbox.count == outbox.limit if qos else self._data is not None):
            self._turn()
        number = self.post(topic, msg, retain, qos)
        if number < 0:
            raise LinkError("queue full" if qos else "not connected")
        while waits and (outbox.removed <= number if qos else self._data is not None):
            self._turn()

    def subscribe(self, topic, qos=0):
        """Subscribe, for this and all later connections. Raises OSError if refused."""
        session = self.session
        session.subscribe(check_filter(topic), qos)
        while not session.settled() and not self._calling:
            self._turn()
        if topic in session.rejected:
            raise OSError("subscription refused: %s" % topic)

    def ping(self):
        """Send PINGREQ now; its answer is awaited by whatever call comes next."""
        self.session.ping = True
        self._take_step()

    def wait_msg(self):
        """Wait until a message has been delivered, however long; keeps the connection alive."""
        messages = self._messages
        while self._messages == messages:
            self._turn()

    def check_msg(self):
        """Deliver what has arrived, without waiting; sends a PINGREQ where one is due."""
        self._take_step()

    def failed(self, error):
        """The connection failed: unlike a link, this tells its caller."""
        self.hang_up()
        raise error

    def _turn(self):
        """Take a step, and wait for the next."""
        wait = self._take_step()
        if wait > 0:
            self.wait(wait)

    def _take_step(self):
        if self.stream is None:
            raise LinkError("not connected: call connect() or reconnect()")
        wait = self.step()
        if self._raised:
            raised, self._raised = self._raised, None
            raise raised
        return wait

    def _arrived(self, topic, payload, _):
        self._messages += 1
        if self._callback:
            calling, self._calling = self._calling, True
            try:
                self._callback(topic.encode(), payload)
            except Exception as error:
                self._raised = error
            self._calling = calling
