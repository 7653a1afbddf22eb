"""A packet that leaves in pieces, because the stream didn't take it at once. Imported then.

It is late when neither 256 bytes nor its end moved for answer_ms; see engine.late.
"""

import select
from time import ticks_diff

from micropython import const

from mqtt.engine.base import LinkError

_CONNACK = const(0x20)
_PACE = const(256)  # bytes of a packet that count as progress
_SOON_MS = const(10)  # until the next try, while the stream is full


def written(core, n, now):
    """The stream took n bytes, and not all of the packet; False if it takes no more for now."""
    if not core.slow:
        core.slow = True
        core.moved = 0
        if core.up:
            core.stuck = now
    core.moved += n
    core.left -= n
    if core.left:
        if not n:
            stalled(core, now)
        return n
    core.data, core.tail = core.tail or core.tx, None
    if core.data is not core.tx:
        core.left = len(core.data)
        return True
    core.slow = False
    core.poll.modify(core.stream, select.POLLIN)
    if core.up:
        core.excuse(ticks_diff(now, core.stuck))
    return True


def stalled(core, now):
    """The stream takes no more; raise LinkError if that lasts too long, see `stuck` of Core."""
    core.poll.modify(core.stream, select.POLLIN | select.POLLOUT)
    if not 0 <= ticks_diff(now, core.stuck) <= core.answer_ms:  # the ticks wrap
        if core.awaited == _CONNACK:
            from mqtt.engine.connect import open_ms
            from mqtt.engine.late import check_open

            check_open(core, now, open_ms(core))
        elif core.moved < _PACE:
            raise LinkError("the connection takes no more")
        else:
            core.moved = 0
            core.excuse(ticks_diff(now, core.stuck))
            core.stuck = now
    if core.stalled:
        core.stalled()


def own(core):
    """Copy what the stream has not taken of a payload: from now on its owner may change it."""
    if isinstance(core.tail, (bytearray, memoryview)):
        core.tail = bytes(core.tail)
    elif core.data is not core.tx:
        core.data = bytes(memoryview(core.data)[-core.left :])


async def taken(client, payload):
    """Wait until the stream has taken all of a payload, or the connection is gone."""
    from asyncio import sleep_ms

    try:
        while client.data is payload or client.tail is payload:
            client._alive()
            client._step()
            await sleep_ms(_SOON_MS)
    finally:
        own(client)  # if this was cancelled
