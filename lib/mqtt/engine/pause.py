"""When to come back after a connection has ended: engine.backoff decides, where it has room.

In a heap that is almost full the pause is drawn up to a limit that doubles, from 2 s to 15 s, and
to a minute if the broker takes the connection and ends it again. A connection that stood for 75 s
begins the count again. Nothing is set aside or explained then.
"""

import gc
from time import ticks_add, ticks_diff

from micropython import const

_ROOM = const(8000)  # bytes of heap for engine.backoff, and for what explains an end


def ended(client, error, now):
    """Set client.since, when the next connection may begin; returns the error."""
    if gc.mem_free() > _ROOM:
        from mqtt.engine.backoff import ended

        return ended(client, error, now)
    first, longest = client.backoff_ms
    if client.up:
        if not 0 <= ticks_diff(now, client.since) <= 5 * longest:  # the ticks wrap
            client.attempt = 0
        longest *= 4
    client.attempt += 1
    limit = min(longest, first << min(client.attempt, 6))
    client.since = ticks_add(now, client.random(24) % max(limit, 1))
    return error
