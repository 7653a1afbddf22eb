"""How a reading is delivered if the plain queue won't do. Imported if a sensor asks for it.

A sensor's "delivery" in the config is "queue", the plain one in RAM, or one of these functions.
properties: those of MQTT 5, if the config asks for a "format"; the payload is bytes then.
"""


def latest(client, topic, payload, retain=False, properties=None):
    """Keep only the newest of the waiting readings; those that were sent stay as they are."""
    outbox = client.outbox
    raw = payload.encode() if isinstance(payload, str) else payload
    if properties:
        from mqtt.properties import joined

        raw = joined(5, properties, raw)
    for index in range(client.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3
        if outbox.ring[place] == topic:
            outbox.ring[place + 1] = raw
            return
    if hasattr(outbox, "journal"):  # not onto the flash: the next one replaces it
        outbox.hold(topic, raw, (3 if retain else 2) | (16 if properties else 0))
    else:
        client.post(topic, payload, retain, 1, properties)


def must_deliver(client, topic, payload, retain=False, properties=None):
    """Accept a reading once it is on the flash, where it survives a power cut.

    Raises OSError if it was not accepted.
    """
    outbox = client.outbox
    outbox.keep = True
    try:
        if client.post(topic, payload, retain, 1, properties) is None:
            raise OSError("not accepted: the flash is full, or fails")
    finally:
        outbox.keep = False
