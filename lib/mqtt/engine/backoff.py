"""When to come back after a connection has ended. Imported when one has; mqtt.link has the rules.

Two counts decide. `attempt`, of failures in a row, is for a broker that is away: the pause is
drawn from 0 up to a limit that doubles. The score is for a far end that takes the connection and
then ends it, and only time or work brings it down again: see _pause().
"""

import sys
from errno import ECONNRESET
from time import ticks_add, ticks_diff

from micropython import const

from mqtt.engine.base import LinkError, ProtocolError, Refused

_SCORE = const(0)  # of `past`, see engine.suspects for the others
_HEAD = const(1)
_BUSY = const(12)  # True if messages were on their way at the third of these ends

_EACH = const(8)  # what an end adds to the score
_MOST = const(80)
_WORK = const(4)  # messages, at least, of a connection that got something done
_WEEK_MS = const(604_800_000)
_WORK_MS = const(500)  # and so long, at most, for each of them
_UNAVAILABLE = const(b"\x03\x88\x89")  # refusals that may soon be over


def ended(client, error, now):
    """Set client.since, when the next connection may begin; returns the error, explained.

    To be called before the client hangs up.
    """
    raised = error
    first, longest = (max(each, 1) for each in client.backoff_ms)
    past = _past(client, now)
    life = ticks_diff(now, client.since)
    acked = client.outbox.removed - client.removed
    busy = client.up and client.sent > 0  # something was on its way
    work = acked if busy else acked - client.behind  # a backlog that was waiting shows little
    if client.up and life < 0:  # the ticks have wrapped: that was more than six days
        life = _WEEK_MS
    lasted = client.up and life > 5 * longest  # the longest pause, and some
    if lasted:
        past[_SCORE] = 0
    elif work >= _WORK and work * _WORK_MS >= life:
        past[_SCORE] = max(0, past[_SCORE] - work)
    good = lasted or acked > 0
    client.attempt = 1 if good else client.attempt + 1
    closed = _closed(client, error)
    # The far end may send the same mistake each time, such as a message that it keeps for us.
    thrown_out = closed or isinstance(error, (Refused, ProtocolError))
    thrown_out = thrown_out or (client.up and _is_link(error))
    if closed or lasted:
        from mqtt.engine.suspects import look_into

        error = look_into(client, error, now, life, lasted, closed)
    else:
        past[_HEAD] = -1  # not "in a row" any more
    # There is a pause when a good connection has ended, and when every broker was tried.
    rounds, others = divmod(client.attempt, len(getattr(client, "dials", "1")))
    pause = 0
    if good or not others:
        draw = client.random(24)
        if thrown_out:
            past[_SCORE] = min(past[_SCORE] + _EACH, _MOST)
            level = past[_SCORE] // _EACH
            busy = past[_BUSY] = busy or (level > 3 and past[_BUSY])
            pause = _pause(level, error, busy, acked, first, longest, draw)
        else:
            pause = draw % min(longest, first << min(max(rounds - 1, 0), 10))
    client.since = ticks_add(now, pause)
    if not client.up:
        transport = sys.modules.get("mqtt.transport")
        if transport and transport.at:  # else it was opened in another way: nothing to add
            from mqtt.engine.reach import explain

            return explain(client, raised, error)
    return error


def _past(client, now):
    """What is remembered; of a first end, only at which message it was, or -1."""
    head = client.past
    if isinstance(head, list):
        return head
    one = head is not None
    client.past = [
        one * _EACH, head, one, None, one, 0, [], None, [], (), -1, now, False,
    ]  # fmt: skip
    return client.past


def _is_link(error):
    return isinstance(error, OSError) and not isinstance(error, ProtocolError)


def _closed(client, error):
    """True if the far end took the connection and has ended it, and not we, nor the network."""
    if not _is_link(error):
        return False
    if type(error) is LinkError:  # what was late is one, too
        return str(error).startswith("the broker ")
    return client.up or error.errno == ECONNRESET


def _pause(level, error, busy, acked, first, longest, draw):
    """The ms until the next attempt after `level` connections that were thrown out.

    At most six of them begin in a minute: two or three pauses are short, as that may have been
    chance, and then they are about `longest`. If it goes on, they grow to four times that: soon if
    messages end the connections, which is rarely chance, otherwise after ten.
    """
    if isinstance(error, Refused) and error.code not in _UNAVAILABLE:
        longest <<= level > 2
        return longest + draw % longest
    if level < 2:  # shorter than `first`: what was late has been waited for already
        return draw % min(first - first // 4, longest)
    if level == 2 or (busy and level == 3):
        least, width = (0, first * level) if busy else (first * 8 // 5, first * 4 // 5)
        if not busy and not acked:
            width *= 3  # a broker's clients must not come back all at once
        return min(least + draw % max(width, 1), longest)
    if level < (6 if busy else 10):
        return longest - draw % (longest // 40 + 1)
    return 4 * longest - draw % (2 * longest - longest // 6)
