"""What a call of the asyncio client raises that waits, or is made, after stop()."""

from mqtt.engine.core import LinkError


class Stopped(LinkError):
    """The client was stopped. What the outbox had taken stays there, and is sent after start()."""

    def __init__(self):
        super().__init__("the client was stopped")
