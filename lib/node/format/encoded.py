"""Delivers readings in another format than JSON. Stays in a node whose config asks for one."""


class Encoded:
    """Stands between a sensor and what delivers its readings, and is their payload there.

    before: what delivers them, see node.delivery; None: the queue
    make: makes the payload of a reading in JSON; properties: those of MQTT 5, or None
    """

    def __init__(self, before, make, properties):
        self.before = before
        self.make = make
        self.properties = properties
        self.payload = b""

    def deliver(self, client, topic, message, retain=False):
        """Deliver a reading, as client.post() or one of node.delivery's functions does."""
        self.payload = self.make(message)
        (self.before or type(client).post)(client, topic, self, retain)

    def encode(self):
        """Return the bytes, as a text does."""
        return self.payload


def poster(post):
    """Return what takes the place of the client's post(), and knows such payloads."""

    def posted(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
        if isinstance(payload, Encoded):
            properties = payload.properties
            payload = payload.payload
        return post(client, topic, payload, retain, qos, properties, wait)

    return posted
