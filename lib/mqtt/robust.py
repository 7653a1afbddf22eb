"""umqtt.robust's client: mqtt.simple's, which connects again by itself.

A program for umqtt.robust runs after changing its import to this module.
"""

from time import sleep_ms, ticks_diff, ticks_ms

from mqtt import simple


class MQTTClient(simple.MQTTClient):
    """A blocking client whose calls connect again, and go on, when the connection fails.

    Refused passes through, because trying again won't help then. A QoS 1 message that was taken is
    sent again by the session, not published a second time.
    """

    DEBUG = False  # print what went wrong

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._taken = None  # the number of the message being published, once it is taken

    def _pause(self):
        """The ms until the next connection may begin; a longer time means wrapped ticks."""
        left = ticks_diff(self.since, ticks_ms())
        return left if 0 < left <= 4 * self.backoff_ms[1] else 0

    def delay(self, i):
        """Wait before the try with that number, as long as mqtt.link would; may be overridden."""
        sleep_ms(self._pause())

    def log(self, in_reconnect, e):
        """Called for every failure; may be overridden."""
        if self.DEBUG:
            print("mqtt reconnect:" if in_reconnect else "mqtt:", e)

    def reconnect(self, attempts=0):
        """Connect until it succeeds, or `attempts` times."""
        i = 0
        while True:
            if i or self._pause():  # the last one did not last
                self.delay(i)
            try:
                return self.connect(self.clean)
            except OSError as error:
                self.log(True, error)
                i += 1
                if i == attempts:
                    raise

    def publish(self, topic, msg, retain=False, qos=0, properties=None):
        """Publish; with QoS 1 or 2 it returns when the broker has acknowledged."""
        outer, self._taken = self._taken, None  # this may be called from inside the callback
        try:
            while True:
                try:
                    if self._taken is None:
                        return super().publish(topic, msg, retain, qos, properties)
                    self._until(self._taken)
                    if self.denied:
                        from mqtt.engine.reasons import raise_for

                        raise_for(self, self._taken)
                    return
                except OSError as error:
                    self._mend(error)
        finally:
            self._taken = outer

    def post(self, topic, payload, retain=False, qos=1, properties=None, wait=False):
        """As in engine.core; if it raises, the message may have been taken all the same."""
        number = self._next()
        try:
            return super().post(topic, payload, retain, qos, properties, wait)
        finally:
            if number < self._next():
                self._taken = number

    def _next(self):
        """The number of the message that the outbox takes next."""
        outbox = self.outbox
        return outbox.removed + (outbox.waiting() if hasattr(outbox, "waiting") else outbox.count)

    def wait_msg(self):
        """Wait until a message has been delivered, however long."""
        while True:
            try:
                return super().wait_msg()
            except OSError as error:
                self._mend(error)

    def check_msg(self, attempts=2):
        """Deliver what has arrived, without waiting; after `attempts` failures it gives up."""
        while attempts:
            try:
                return super().check_msg()
            except OSError as error:
                self._mend(error)
            attempts -= 1

    def _mend(self, error):
        # The callback's own, or a full queue, which no new connection helps with.
        if self._calling or self._raised or self.stream is not None:
            raise error
        self.log(False, error)
        self.reconnect()
