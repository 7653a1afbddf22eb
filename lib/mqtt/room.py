"""Waiting for room in an outbox that is full although it has places: its flash has none."""

from mqtt.words import not_taken


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
