"""The asyncio client: a link, and calls that wait until the broker has answered."""

import asyncio

from mqtt.link import Link
from mqtt.topic import check_filter, check_name


class Client(Link):
    """An MQTT 3.1.1 client for asyncio; the arguments and counters are those of mqtt.link.Link."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._progress = asyncio.Event()

    def heard(self):
        """Let every task that waits look again."""
        self._progress.set()
        self._progress.clear()

    async def publish(self, topic, payload, retain=False, qos=0):
        """Publish. QoS 1: returns when the broker has acknowledged, over reconnects if need be.

        Raises OSError where post() returns -1, ValueError for a bad topic.
        """
        check_name(topic)
        if not qos:
            await self._drained()
        number = self.post(topic, payload, retain, qos)
        if number < 0:
            raise OSError("queue full" if qos else "not connected")
        while qos and self.outbox.removed <= number:
            await self._progress.wait()

    async def subscribe(self, pattern, qos=0):
        """Subscribe, for this and all later connections; returns when the broker has answered.

        Raises OSError if the broker will not have it.
        """
        session = self.session
        session.subscribe(check_filter(pattern), qos)
        self._pump()
        while not session.settled():
            await self._progress.wait()
        if pattern in session.rejected:
            raise OSError("subscription refused: " + pattern)
