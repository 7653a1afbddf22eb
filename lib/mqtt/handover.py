"""Messages handed over to be published when there is room. Imported when that is first asked for.

They wait here, in order, and move to the outbox one by one: only what waits here can be dropped
or replaced, so that nothing that may have reached the broker is ever taken back.
"""

import asyncio

from mqtt.filters import check_taken


class Handle:
    """What became of a message: ask done(), or wait(); `dropped` if it gave way to another."""

    def __init__(self, client, message, policy):
        self._client = client
        self.policy = policy
        self.message = message  # the arguments of post()
        self.number = None  # in the outbox, once it is there
        self.dropped = False

    def done(self):
        """True when the broker has acknowledged it; of QoS 0, when it was sent."""
        return self.number is not None and self._client.outbox.removed > self.number

    async def wait(self):
        """Wait for that. Raises OSError if the message was dropped, Refused if it was refused."""
        while not self.done():
            if self.dropped:
                raise OSError("dropped for another message")
            await self._client.progress()
        check_taken(self._client.session, self.number)


class Waiting:
    """The messages that wait for room in the outbox, and the task that moves them there.

    Counters: refused; dropped, the oldest of them; replaced, by a later one of the same topic
    """

    def __init__(self, client, throttle):
        self._client = client
        self._throttle = throttle
        self._handles = []
        self._task = None
        self.refused = self.dropped = self.replaced = 0

    def put(self, message, policy, limit):
        """See mqtt.client.Client.hand_over(); message: the arguments of post()."""
        handle = Handle(self._client, message, policy)
        waiting = self._handles
        if policy == "latest":
            for i, other in enumerate(waiting):
                if other.policy == policy and other.message[0] == message[0]:
                    other.dropped = True
                    self.replaced += 1
                    waiting[i] = handle
                    return handle
        elif policy not in ("refuse", "oldest"):
            raise ValueError("policy %r; refuse, oldest or latest" % policy)
        if len(waiting) >= limit and not (policy == "oldest" and self._drop()):
            self.refused += 1
            raise OSError("%d messages wait already" % limit)
        waiting.append(handle)
        if self._task is None:
            self._task = asyncio.create_task(self._move())
        return handle

    def _drop(self):
        """Drop the oldest of those that were handed over with that policy; False if none were."""
        for i, handle in enumerate(self._handles):
            if handle.policy == "oldest":
                handle.dropped = True
                self.dropped += 1
                self._handles.pop(i)
                return True
        return False

    async def _move(self):
        client = self._client
        while self._handles:
            if self._throttle:
                await self._throttle.turn(len(self._handles[0].message[1]))
            while not self._room(self._handles[0].message[3]):
                await client.progress()
            handle = self._handles.pop(0)
            handle.number = client.post(*handle.message)
        self._task = None

    def _room(self, qos):
        client = self._client
        return (
            client.outbox.count < client.outbox.limit
            if qos
            else client.session.up and client._data is None
        )
