"""The messages behind `async for`. Imported when a client is iterated over."""

from asyncio import Event
from collections import namedtuple

from micropython import const

_LIMIT = const(32)

Message = namedtuple("Message", ("topic", "payload", "retained"))
_Message5 = namedtuple("_Message5", ("topic", "payload", "retained", "properties"))


class Inbox:
    """Holds what has arrived and was not fetched yet, 32 messages; then the oldest goes.

    dropped: how many went so; open: False: no more will come
    """

    def __init__(self, is_open=True):
        self.dropped = 0
        self._messages = []
        self._arrived = Event()
        self.open = is_open

    def put(self, *message):
        """Take a message: topic, payload, retained and, with MQTT 5, properties."""
        if len(self._messages) == _LIMIT:
            self._messages.pop(0)
            self.dropped += 1
        self._messages.append((_Message5 if len(message) > 3 else Message)(*message))
        self._arrived.set()

    def close(self):
        """No more will come; the loop ends when it has fetched what is here."""
        self.open = False
        self._arrived.set()

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._messages:
            if not self.open:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.pop(0)
