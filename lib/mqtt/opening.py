"""A stream that is slow to open, or fails to. Imported when that happens, and not before."""

from time import ticks_diff, ticks_ms

from mqtt.connect import open_ms
from mqtt.core import LinkError


def slow(core, failed):
    """The stream does not open: wait on, dial the next address of the broker's name, or raise.

    Each address has its share of the time there is, and the last of them all that is left.
    """
    more = getattr(core.dial, "more", 0)
    now = ticks_ms()
    share = open_ms(core) // (more + 1)
    if more and (failed or not 0 <= ticks_diff(now, core.stuck) <= share):
        stream, core.stream = core.stream, None
        core.poll.unregister(stream)
        stream.close()
        began = core.stuck
        core.open(core.dial)
        core.stuck = began
    else:
        check(core, now)


def check(core, now):
    """LinkError if that takes too long."""
    if not 0 <= ticks_diff(now, core.stuck) <= open_ms(core):  # the ticks wrap
        raise LinkError("the connection does not open within %d ms" % open_ms(core))
