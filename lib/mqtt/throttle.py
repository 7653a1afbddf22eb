"""How much may be published in a second. Imported by a program that limits it."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms


class Throttle:
    """At most so many messages, and so many bytes of payload, in a second; 0 for any number.

    One message may always leave; the next one leaves when the time that its forerunner takes at
    that rate has passed.
    """

    def __init__(self, messages=0, size=0):
        if messages < 0 or size < 0:
            raise ValueError("throttle: %r messages, %r bytes; 0 or more" % (messages, size))
        self._messages = messages
        self._bytes = size
        self._next = ticks_ms()

    def take(self, size, now):
        """Reserve the next turn for `size` bytes; returns the ms until it has come."""
        begin = self._next if ticks_diff(self._next, now) > 0 else now
        takes = 0
        if self._messages:
            takes = -(-1000 // self._messages)
        if self._bytes:
            takes = max(takes, -(-size * 1000 // self._bytes))
        self._next = ticks_add(begin, takes)
        return ticks_diff(begin, now)

    async def turn(self, size):
        """Wait for the next turn."""
        wait = self.take(size, ticks_ms())
        if wait > 0:
            await asyncio.sleep_ms(wait)
