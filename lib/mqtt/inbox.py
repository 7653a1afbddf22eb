"""The messages behind `async for`. Imported when a client is iterated over."""

from asyncio import Event
from collections import namedtuple

from micropython import const

_LIMIT = const(32)

Message = namedtuple("Message", ("topic", "payload", "retained"))


class Inbox:
    """Holds what has arrived and was not fetched yet, 32 messages; then the oldest goes.

    dropped: how many went so
    """

    def __init__(self):
        self.dropped = 0
        self._messages = []
        self._arrived = Event()
        self._open = True

    def put(self, topic, payload, retained):
        """Take a message."""
        if len(self._messages) == _LIMIT:
            self._messages.pop(0)
            self.dropped += 1
        self._messages.append(Message(topic, payload, retained))
        self._arrived.set()

    def close(self):
        """No more will come; the loop ends when it has fetched what is here."""
        self._open = False
        self._arrived.set()

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._messages:
            if not self._open:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.pop(0)
