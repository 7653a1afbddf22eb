"""The asyncio client: a link stepped by two tasks, and calls that wait for the broker's answer.

One task steps the link when bytes arrive, the other when time has passed. A step never waits, so
it doesn't matter which task takes it. What not every program needs (handlers per filter, handing
over, throttling) is imported when it is first used.

A task that waits here may be cancelled at any time: a message that was taken stays taken, and a
filter that was asked for stays asked for.
"""

import asyncio
import gc
from asyncio import core  # type: ignore[attr-defined]
from time import ticks_ms

from micropython import const

from mqtt.engine.base import Refused
from mqtt.engine.core import check_name
from mqtt.link import Link

gc.collect()  # free what loading left behind, so that what follows leaves no gaps

_TICK_MS = const(1000)  # longest time between two looks at the deadlines
_SOON_MS = const(10)  # until the next look whether the stream takes the goodbye
_LIMIT = const(32)  # how many messages to hold for `async for`

if False:  # for type checkers
    from typing import Any


class Client(Link):
    """An MQTT client for asyncio; the arguments and counters are those of mqtt.link.Link.

    throttle: a mqtt.throttle.Throttle that slows down publish(), or None
    """

    # A task is never cancelled within a step, so the application raised that.
    catches = (Exception, asyncio.CancelledError)

    throttle: "Any" = None
    # The task that reads: None before start(), False after stop().
    _reader: "Any" = None
    _clock = _router = _inbox = _waiting = _reader
    dropped = 0
    _reading = False  # the reader sleeps until bytes arrive, or those that wait can leave

    def __init__(self, *arguments, **options):
        # All attributes first, see engine.core.
        self._topic = self  # the last topic that was checked; none yet
        self._burst = 0  # QoS 0 messages since other tasks had their turn, modulo 8
        self._sleepers = None
        super().__init__(*arguments, **options)
        self._sleepers = core.TaskQueue()  # tasks that wait for something to happen

    def start(self):
        """Connect, and stay connected until stop(). Call it inside the event loop."""
        if not self._reader:
            self._reader = asyncio.create_task(self._read())
            self._clock = asyncio.create_task(self._keep_time())

    async def stop(self):
        """Say goodbye, so that there is no last will, and end the connection for good.

        Returns True if the goodbye was sent, as close() does. What is still in the outbox stays
        there. A task that waits in a call of this client gets mqtt.stopped.Stopped, an OSError;
        `async for` ends.
        """
        left = False
        if self._reader:
            self._reader.cancel()
            self._clock.cancel()
            self._reader = self._reading = False
            self._awake()
            try:
                from mqtt.engine.end import goodbye

                for left in goodbye(self, ticks_ms):
                    if not left:
                        await asyncio.sleep_ms(_SOON_MS)
            finally:
                self.hang_up()
        return left

    async def progress(self):
        """Wait until anything has happened on the connection."""
        self._alive()
        await self._wait()
        self._alive()

    def _wait(self):  # a coroutine in MicroPython; does what asyncio.Event does
        self._sleepers.push(core.cur_task)
        core.cur_task.data = self._sleepers  # where it is removed if it is cancelled
        yield

    async def connected(self):
        """Wait until there is a connection, however many attempts it takes.

        Raises Refused if the broker refuses it, because trying again won't help.
        """
        failures = self.failures
        while not self.up:
            await self.progress()
            if self.failures != failures and isinstance(self.error, Refused):
                raise self.error

    async def __aenter__(self):
        self.start()
        try:
            await self.connected()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def publish(self, topic, payload, retain=False, qos=0, properties=None):
        """Publish. With QoS 1 and 2, return when the broker has acknowledged, over reconnects too.

        Waits for room while the queue is full. With QoS 0, raises OSError without a connection.
        payload: str, bytes, bytearray or memoryview; a buffer may be reused once this returns.
        properties: a dict, with MQTT 5, see mqtt.properties. Raises ValueError for a bad topic,
        Refused if an MQTT 5 broker refuses the message, and mqtt.stopped.Stopped.
        """
        if topic is not self._topic:  # the same as before needs no second check
            self._topic = topic = check_name(topic)
        if self.throttle:
            from mqtt.engine.payload import check

            payload = check(payload)
            await self.throttle.turn(len(payload), self._alive)
        if qos:
            while self.outbox.count == self.outbox.limit:
                await self.progress()
        else:
            self._burst = self._burst + 1 & 7
            if not self._burst:
                await asyncio.sleep_ms(0)
            # MicroPython begins its search for free blocks further on only after it has given away
            # a single one: where all that is allocated is coroutines, it would walk over the whole
            # heap for each of them.
            object()
            if self.left:
                await self._drained()
        number = self.post(topic, payload, retain, qos, properties, True)
        if number is None:
            from mqtt.engine.room import taken

            number = await taken(self, (topic, payload, retain, qos, properties, True))
        if not qos and (self.tail is payload or self.data is payload):
            from mqtt.engine.pieces import taken

            await taken(self, payload)
        while self.outbox.removed <= number:
            self._alive()
            await self._wait()
        if self.denied:
            from mqtt.engine.reasons import raise_for

            raise_for(self, number)

    def hand_over(
        self, topic, payload, retain=False, qos=1, policy="refuse", limit=32, properties=None
    ):
        """Publish later, without waiting; return a handle to ask or wait for, see engine.handover.

        policy: what to do when `limit` messages wait: "refuse" the new one (OSError), or drop the
        "oldest"; or keep only the "latest" of each topic, however many wait. A message is dropped
        only for one of the same policy, and one that was taken under "refuse" never is.
        If a message can't be sent, wait() of its handle raises why; the others go on.
        """
        if self._waiting is None:
            from mqtt.engine.handover import Waiting

            self._waiting = Waiting(self, self.throttle)
        message = check_name(topic), payload, retain, qos, properties
        return self._waiting.put(message, policy, limit)

    async def subscribe(self, pattern, qos=0):
        """Subscribe, for this and all later connections; return when the broker has answered.

        pattern: a filter, or a list of filters and (filter, qos); with MQTT 5, mqtt.v5.options()
        can replace a QoS. Raises OSError if the broker refuses one, ValueError for a bad filter.
        """
        gc.collect()  # in the middle of an import this would free less
        from mqtt.engine.subscribe import ask, granted

        asked = ask(self, pattern, qos)
        if not self.on_message:  # then they are for `async for`
            self.__aiter__()
        if self._reader:
            self._step()
        while self.untold:
            await self.progress()
        granted(self, asked)

    async def unsubscribe(self, pattern):
        """Unsubscribe from a filter, or a list of them; return when the broker has answered."""
        await self.subscribe(pattern, None)

    def on(self, pattern, handler):
        """Call handler(topic, payload, retained) for every message that matches a filter.

        The handler may be a coroutine function; with MQTT 5 it gets the properties as a fourth
        argument. If none matches, on_message or `async for` gets the message. This doesn't
        subscribe. Raises ValueError for a bad filter.
        """
        if self._router is None:
            from mqtt.engine.router import Router

            self._router = Router(self.on_message, self.caught)
            self.on_message = self._router.route
        from mqtt.engine.subscribe import check_filter

        self._router.add(check_filter(pattern), handler)

    def __aiter__(self):
        """The messages: `async for topic, payload, retained in client`.

        With MQTT 5 the properties are a fourth part. Up to 32 messages are held until they are
        fetched; then the oldest is dropped, which `dropped` counts. After stop() the loop ends
        once it has fetched what is there.
        """
        if self._inbox is None:
            self._inbox = []
            if self._router:
                self._router.otherwise = self._keep
            else:
                self.on_message = self._keep
        return self

    async def __anext__(self):
        while not self._inbox:
            if self._reader is False:
                raise StopAsyncIteration
            await self._wait()
        return self._inbox.pop(0)

    def _keep(self, *message):
        if len(self._inbox) == _LIMIT:
            self._inbox.pop(0)
            self.dropped += 1
        self._inbox.append(message)

    def hang_up(self):
        """End the connection; the reader must not wait on a closed stream."""
        if self._reading and core.cur_task is not self._reader:
            self._reader.cancel()
        super().hang_up()

    def stalled(self):
        """The stream is full: make the reader wait until it isn't, instead of for bytes."""
        if self._reading and core.cur_task is not self._reader:
            self._reader.cancel()

    def _step(self):
        """Take a step, and let every waiting task see whether what it waits for has come."""
        wait = self.step()
        self._awake()
        return wait

    def _awake(self):
        while self._sleepers.peek():
            core._task_queue.push(self._sleepers.pop())

    def _alive(self):
        """Raise Stopped after stop(): what the task waits for won't happen."""
        if self._reader is False:
            from mqtt.stopped import Stopped

            raise Stopped

    def _read(self):  # a coroutine, as MicroPython has them
        while True:
            wait = self._step()
            if self.stream is None or self.opening:
                yield from asyncio.sleep_ms(min(wait, _TICK_MS))  # type: ignore[misc]
                continue
            try:
                # Ends at once for bytes that weren't read yet, or are in a TLS buffer.
                queue = core._io_queue
                (queue.queue_write if self.left else queue.queue_read)(self.stream)
                self._reading = True
                yield  # as asyncio's own streams do
            except asyncio.CancelledError:
                if not self._reader:  # stop(), not hang_up() or stalled()
                    raise
            except Exception as error:  # no RAM for that, or a stream that can't be polled
                self.failed(error)
            finally:
                self._reading = False

    async def _keep_time(self):
        while True:
            wait = self._step()
            await asyncio.sleep_ms(max(1, min(wait, _TICK_MS)))

    async def _drained(self):
        """Wait until the stream has taken all of the last packet, or the connection is gone."""
        while self.left:
            self._alive()
            wait = self._step()
            if self.left:  # otherwise it could take any time
                await asyncio.sleep_ms(wait)
