"""A stream that is slow to open, or fails to. Imported when that happens, and not before."""

from time import ticks_diff, ticks_ms

from mqtt.packet import LinkError


def slow(connection, failed):
    """The stream does not open: wait on, dial the next address of the broker's name, or raise.

    Each address has its share of the time there is, and the last of them all that is left.
    """
    more = getattr(connection._dial, "more", 0)
    spent = ticks_diff(ticks_ms(), connection._stuck)
    if spent < 0:  # nobody has looked for so many days that the ticks have wrapped
        spent = connection.connect_ms + 1
    if more and (failed or spent > connection.connect_ms // (more + 1)):
        stream, connection.stream = connection.stream, None
        connection._poller.unregister(stream)
        stream.close()
        began = connection._stuck
        connection.open(connection._dial)
        connection._stuck = began
    elif spent > connection.connect_ms:
        raise LinkError("the connection does not open within %d ms" % connection.connect_ms)
