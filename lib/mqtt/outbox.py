"""Messages accepted and not yet acknowledged, in order: a bounded queue in RAM.

A session sends from its head and removes there what the broker has acknowledged. An outbox that
must survive a power cut offers the same few names.
"""


class Outbox:
    """A ring of at most `limit` messages (1 or more); made once, it allocates nothing more.

    count: messages held; removed: messages ever removed, so message number n is done when
    removed > n; refused: messages that found it full; topic, payload, flags, pid: see get()
    ring: topic, payload and flags of message number n stand from n % limit * 3 on
    """

    pid = 0  # packet identifiers follow the numbers

    def __init__(self, limit):
        self.limit = limit
        self.count = self.removed = self.refused = 0
        self.ring = [None] * (3 * limit)

    def put(self, topic, payload, flags):
        """Take a message; returns its number, or None and counts it as refused when full.

        payload: bytes, held as they are; flags: those of its PUBLISH, for QoS 1 or 2.
        """
        if self.count == self.limit:
            self.refused += 1
            return None
        number = self.removed + self.count
        self.count += 1
        ring = self.ring
        at = number % self.limit * 3
        ring[at] = topic
        ring[at + 1] = payload
        ring[at + 2] = flags
        return number

    def get(self, index):
        """Set topic, payload and flags to those of the message `index` places behind the head.

        An outbox that decides about packet identifiers sets `pid` as well, and has index(pid).
        """
        ring = self.ring
        at = (self.removed + index) % self.limit * 3
        self.topic = ring[at]
        self.payload = ring[at + 1]
        self.flags = ring[at + 2]

    def pop(self):
        """Remove the message at the head."""
        at = self.removed % self.limit * 3
        self.ring[at] = self.ring[at + 1] = None
        self.removed += 1
        self.count -= 1
