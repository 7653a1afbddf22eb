"""Messages accepted and not yet acknowledged, in order: a bounded queue in RAM.

A session sends from its head and removes there what the broker has acknowledged. An outbox that
must survive a power cut offers the same few names.
"""


class Outbox:
    """A ring of at most `limit` messages (1 or more); made once, it allocates nothing more.

    count: messages held; removed: messages ever removed, so message number n is done when
    removed > n; refused: messages that found it full
    """

    def __init__(self, limit):
        self.limit = limit
        self.count = self.removed = self.refused = 0
        self._ring = [None] * limit

    def put(self, topic, payload, flags):
        """Take a message; returns its number, or -1 and counts it as refused when full.

        payload: bytes, held as they are; flags: those of its PUBLISH, for QoS 1 or 2.
        """
        number = self.removed + self.count
        if self.count == self.limit:
            self.refused += 1
            return -1
        self.count += 1
        self._ring[number % self.limit] = (topic, payload, flags)
        return number

    def get(self, index):
        """The message `index` places behind the head: (topic, payload, flags)."""
        return self._ring[(self.removed + index) % self.limit]

    def pop(self):
        """Remove the message at the head."""
        self._ring[self.removed % self.limit] = None
        self.removed += 1
        self.count -= 1
