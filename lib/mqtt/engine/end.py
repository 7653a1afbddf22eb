"""How a connection ends: the goodbye, giving up, and the pause before the next one.

Imported when one ends, and forgotten when it has ended. engine.backoff decides about the
pause if there is room for it. In a heap that is almost full, the pause is random, up to a limit
that doubles from 2 s to 15 s, or to a minute if the broker accepts connections and ends them. A
connection that lasted 75 s resets the count. Nothing is set aside or explained then.
"""

import gc
from time import ticks_add, ticks_diff

from micropython import const

_DISCONNECT = const(0xE0)
_SOON_MS = const(10)  # until the next look whether the stream takes the goodbye
_ROOM = const(8000)  # bytes of heap for engine.backoff, and for what explains an end


def close(core, clock):
    """Say goodbye and hang up; returns True if the goodbye was sent."""
    left = False
    for left in goodbye(core, clock):
        core.wait(0 if left else _SOON_MS)
    core.hang_up()
    return left


def goodbye(core, clock):
    """Say goodbye; yields False whenever the stream takes no more, and True once it has left.

    Nothing follows it, whatever is posted meanwhile. [MQTT-3.14.4-2]
    """
    stream = core.up and core.stream
    said = core.up = False
    try:
        while core.stream is stream:
            core.send()
            if core.left:
                yield False
            elif said:
                yield True
                return
            else:
                said = True
                core.stuck = clock()
                core.pack(_DISCONNECT)
    except Exception:
        pass  # it has ended already


def ended(core, error, now):
    """Set core.since, when the next connection may begin; returns the error, or one that explains.

    The first in a while may be chance: a short pause is enough.
    """
    if core.past is None and core.up:
        core.past = core.outbox.removed if core.sent else -1
        core.attempt = 1
        core.since = ticks_add(now, core.random(24) % core.backoff_ms[0])
    elif gc.mem_free() > _ROOM:
        from mqtt.engine import backoff

        error = backoff.ended(core, error, now)
    else:
        pause(core, now)
    if core.v5:
        core.v5.broken(error)
    return error


def pause(core, now):
    first, longest = core.backoff_ms
    if core.up:
        if not 0 <= ticks_diff(now, core.since) <= 5 * longest:  # the ticks wrap
            core.attempt = 0
        longest *= 4
    core.attempt += 1
    limit = min(longest, first << min(core.attempt, 6))
    core.since = ticks_add(now, core.random(24) % max(limit, 1))
