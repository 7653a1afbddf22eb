"""Replaces the MQTT client on a board without a network: readings go to the REPL."""

from time import sleep_ms

if False:  # for type checkers
    from typing import Any


def make(node):
    """Give the node something that stands for its client."""
    client = node.client = Console()
    client.will = node.prefix + "status", b"offline"
    node.states = 0


class Console:
    """Prints what would be published. Has the names of mqtt.link.Link."""

    connects = failures = refused = count = removed = skipped = known = sent = 0
    limit = 1
    up = True
    rejected = ()
    again = v5 = None
    will: "Any" = None

    def __init__(self):
        self.outbox = self

    def post(self, topic, payload, retain=False, qos=1):
        """Print one line: topic, payload."""
        print(topic, payload if isinstance(payload, str) else str(payload, "utf-8"))
        return 0

    def step(self):
        """Do nothing."""
        return 60_000

    def wait(self, ms):
        """Sleep."""
        sleep_ms(ms)

    def close(self):
        """Do nothing: there is nothing to close."""

    hang_up = close
