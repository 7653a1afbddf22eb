"""Delivers readings in another format than JSON. Stays in a node whose config asks for one."""


class Encoded:
    """before: what delivers them, see node.delivery; None: the queue

    encode: makes the payload of a reading in JSON; properties: those of MQTT 5, or None
    """

    def __init__(self, before, encode, properties):
        self.before = before
        self.encode = encode
        self.properties = properties

    def deliver(self, client, topic, message, retain=False):
        """Deliver a reading, as client.post() or one of node.delivery's functions does."""
        payload = self.encode(message)
        if self.before:
            self.before(client, topic, payload, retain, self.properties)
        else:
            client.post(topic, payload, retain, 1, self.properties)
