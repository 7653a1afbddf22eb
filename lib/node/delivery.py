"""How a reading is delivered if the plain queue won't do. Imported if a sensor asks for it.

A sensor's "delivery" in the config is "queue", the plain one in RAM, or one of these functions.
"""


def latest(client, topic, payload, retain=False):
    """Keep only the newest of the waiting readings; those that were sent stay as they are."""
    outbox = client.outbox
    for index in range(client.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3
        if outbox.ring[place] == topic:
            outbox.ring[place + 1] = payload.encode()
            return
    if hasattr(outbox, "journal"):  # not onto the flash: the next one replaces it
        outbox.hold(topic, payload.encode(), 3 if retain else 2)
    else:
        client.post(topic, payload, retain)


def must_deliver(client, topic, payload, retain=False):
    """Accept a reading once it is on the flash, where it survives a power cut.

    Raises OSError if it was not accepted.
    """
    outbox = client.outbox
    outbox.keep = True
    try:
        if client.post(topic, payload, retain) is None:
            raise OSError("not accepted: the flash is full, or fails")
    finally:
        outbox.keep = False
