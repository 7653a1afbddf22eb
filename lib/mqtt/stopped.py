"""What a call of the asyncio client raises if it waits, or is made, after stop()."""

from mqtt.engine.base import LinkError


class Stopped(LinkError):
    """The client was stopped. What is in the outbox stays there, and is sent after start()."""

    def __init__(self):
        super().__init__("the client was stopped")
