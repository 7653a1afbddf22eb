"""Stands in for the MQTT client on a board without a network: readings go to the REPL."""


class Console:
    """Prints what would be published. The attributes are those of mqtt.client.Client."""

    connects = failures = handler_errors = 0

    def __init__(self):
        self.outbox = self
        self.session = self
        self.refused = self.count = self.skipped = 0

    def connected(self):
        return True

    def start(self):
        """There is nothing to connect to."""

    def post(self, topic, payload, retain=False, qos=1):
        """Print one line: topic, payload."""
        print(topic, payload)
        return 0

    async def close(self):
        """There is nothing to close."""
