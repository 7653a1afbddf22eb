"""Why a message was not taken, and waiting until it is. Imported when that is first met."""

from mqtt.engine.base import LinkError


async def taken(client, message):
    """Post a message that was not taken, when there is room for it; returns its number.

    message: the arguments of post(). Raises OSError where no room can be waited for.
    """
    outbox = client.outbox
    number = None
    while number is None:
        if not message[3] or not outbox.count:
            raise not_taken(client, message[3])
        removed = outbox.removed
        while outbox.removed == removed:
            await client.progress()
        number = client.post(*message)
    return number


def not_taken(client, qos):
    """The exception where post() returned None."""
    outbox = client.outbox
    if qos and hasattr(outbox, "journal"):
        return OSError(
            "queue full: %d messages wait for the broker, and the flash takes no more; `segments` "
            "and `reserve` of Durable set the limit" % outbox.waiting()
        )
    if qos:
        return OSError(
            "queue full: %d messages wait for the broker; `queue` sets the limit" % outbox.count
        )
    if client.up:
        return LinkError("busy: the last packet has not left yet")
    if getattr(client, "_reader", None) is False:
        from mqtt.stopped import Stopped

        return Stopped()
    if hasattr(client, "reconnect"):
        return LinkError("not connected: call connect() or reconnect()")
    return LinkError("not connected: a message of QoS 0 does not wait; see connected()")
