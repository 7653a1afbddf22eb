"""Limits how much is published per second. Imported by programs that want that."""

import asyncio
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_LOOK_MS = const(50)  # between two looks whether to stop waiting early


class Throttle:
    """At most so many messages, and so many bytes of payload, per second; 0 for no limit.

    The first message leaves at once. Each further one leaves when the time that the one before it
    takes at this rate has passed.
    """

    def __init__(self, messages=0, size=0):
        if not (isinstance(messages, int) and isinstance(size, int) and min(messages, size) >= 0):
            what = "throttle: %r messages, %r bytes; whole numbers, 0 or more"
            raise ValueError(what % (messages, size))
        self._messages = messages
        self._bytes = size
        self._last = ticks_ms()  # when the last turn was reserved
        self._ahead = 0  # ms from then until the next one

    def take(self, size, now):
        """Reserve the next turn for `size` bytes; return the ms until then."""
        passed = ticks_diff(now, self._last)
        wait = 0
        if 0 <= passed < self._ahead:  # the ticks wrap: after a week at rest it may be negative
            wait = self._ahead - passed
        takes = 0
        if self._messages:
            takes = -(-1000 // self._messages)
        if self._bytes:
            takes = max(takes, -(-size * 1000 // self._bytes))
        self._last = now
        self._ahead = wait + takes
        return wait

    async def turn(self, size, alive=None):
        """Wait for the next turn; alive(), called again and again, may raise to end that."""
        now = ticks_ms()
        left = self.take(size, now)
        until = ticks_add(now, left)
        while left > 0:
            await asyncio.sleep_ms(min(left, _LOOK_MS))
            if alive:
                alive()
            left = ticks_diff(until, ticks_ms())
