"""The asyncio client: a link stepped by two tasks, and calls that wait for the broker's answer.

One task steps it when bytes arrive, the other when time has passed. A step never waits, so that
it matters to nobody which task takes it.
"""

import asyncio
from asyncio import core  # type: ignore[attr-defined]

from micropython import const

from mqtt.link import Link
from mqtt.topic import check_filter, check_name

_TICK_MS = const(1000)  # at most so long between two looks at the deadlines


def _switch():  # after core._io_queue.queue_read(): wait for that, as asyncio's own streams do
    yield


class Client(Link):
    """An MQTT 3.1.1 client for asyncio; the arguments and counters are those of mqtt.link.Link."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._reader = self._clock = None
        self._reading = False  # the reader sleeps until bytes arrive
        self._progress = asyncio.Event()

    def start(self):
        """Begin to connect, and keep connected until stop(). Call it inside the event loop."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
            self._clock = asyncio.create_task(self._keep_time())

    async def stop(self):
        """Say goodbye, so that there is no last will, and end the connection for good.

        What is still in the outbox stays there.
        """
        if self._reader is None:
            return
        await self._drained()
        self.close()
        reader, self._reader = self._reader, None
        reader.cancel()
        self._clock.cancel()

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

        Raises OSError if the broker will not have it, ValueError for a bad filter.
        """
        session = self.session
        session.subscribe(check_filter(pattern), qos)
        self._step()
        while not session.settled():
            await self._progress.wait()
        if pattern in session.rejected:
            raise OSError("subscription refused: " + pattern)

    def hang_up(self):
        """End the connection; the reader must not go on waiting for a stream that is closed."""
        if self._reading and core.cur_task is not self._reader:
            self._reader.cancel()
        super().hang_up()

    def _step(self):
        """Take a step, and let every task that waits look whether what it waits for has come."""
        wait = self.step()
        self._progress.set()
        self._progress.clear()
        return wait

    async def _read(self):
        while True:
            wait = self._step()
            if self.stream is None or self.opening or self._data is not None or wait <= 0:
                await asyncio.sleep_ms(max(0, min(wait, _TICK_MS)))
                continue
            core._io_queue.queue_read(self.stream)
            self._reading = True
            try:
                await _switch()
            except asyncio.CancelledError:
                if self._reader is None:  # stop(), not hang_up()
                    raise
            finally:
                self._reading = False

    async def _keep_time(self):
        while True:
            wait = self._step()
            await asyncio.sleep_ms(max(1, min(wait, _TICK_MS)))

    async def _drained(self):
        """Wait until the stream has taken all of the last packet, or the connection is gone."""
        while self._data is not None:
            await asyncio.sleep_ms(max(1, self._step()))
