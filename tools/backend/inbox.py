"""Messages between the network's thread and the one that writes: a queue with two limits."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

_OVERHEAD = 500  # bytes that a message takes besides its topic and payload


@dataclass(slots=True)
class Message:
    """An MQTT message as it came. session: the connection it came over, by its number."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    retained: bool
    at: int
    session: int

    @property
    def size(self) -> int:
        """Bytes of RAM, roughly."""
        return len(self.topic) + len(self.payload) + _OVERHEAD


class Inbox:
    """Holds at most so many messages and so many bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.dropped = 0
        self._most = most
        self._most_bytes = most_bytes
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        """Add a message. While there is no room, one that the broker keeps waits here.

        The broker is then not read from, and keeps what it has. A message of QoS 0 nobody keeps:
        it is dropped and counted.
        """
        with self._changed:
            if message.qos == 0 and not self._room():
                self.dropped += 1
                return
            self._changed.wait_for(lambda: self._room() or self._closed)
            self._messages.append(message)
            self._bytes += message.size
            self._changed.notify_all()

    def take(self, most: int, timeout: float) -> list[Message]:
        """Wait for a message; returns all there are up to `most`, none if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._closed, timeout)
            found = [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
            self._bytes -= sum(message.size for message in found)
            self._changed.notify_all()
        return found

    def close(self) -> None:
        """Make nobody wait any longer; what is there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _room(self) -> bool:
        return len(self._messages) < self._most and self._bytes < self._most_bytes
