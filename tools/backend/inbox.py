"""Messages between the network's thread and the one that writes: a queue with two limits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

GATHER_S = 0.05  # how long it waits for more at most
PAUSE_S = 0.002  # if none comes in that time, it doesn't wait any longer
_OVERHEAD = 500  # bytes that a message takes besides its topic and payload


@dataclass(slots=True)
class Message:
    """An MQTT message as it came. connection: the one it came over, by its number."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    retained: bool
    at: int
    connection: int


class Inbox:
    """Holds at most so many messages and so many bytes, and beyond that what came at once."""

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

    def put(self, messages: Sequence[Message]) -> None:
        """Add messages. While there is no room, those that the broker keeps wait here.

        The broker is then not read from, and keeps what it has. A message of QoS 0 nobody keeps:
        it is dropped and counted.
        """
        with self._changed:
            if not self._room():
                kept = [message for message in messages if message.qos]
                self.dropped += len(messages) - len(kept)
                messages = kept
                self._changed.wait_for(lambda: not kept or self._room() or self._closed)
            self._messages.extend(messages)
            self._bytes += _size(messages)
            self._changed.notify_all()

    def take(self, most: int, timeout: float) -> list[Message]:
        """Wait for a message; returns all there are up to `most`, none if none came in time.

        While more keep coming it waits a little longer: one transaction for many costs less.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._messages or self._closed, timeout):
                return []
        self._gather(most)
        with self._changed:
            found = [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
            self._bytes -= _size(found)
            self._changed.notify_all()
        return found

    def _gather(self, most: int) -> None:
        """Wait until no more come, or there are enough, or for long enough."""
        end = time.monotonic() + GATHER_S
        were = 0
        while were < (now := len(self._messages)) < most and time.monotonic() < end:
            were = now
            time.sleep(PAUSE_S)  # not woken by each message that comes

    def close(self) -> None:
        """Make nobody wait any longer; what is there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _room(self) -> bool:
        return len(self._messages) < self._most and self._bytes < self._most_bytes


def _size(messages: Sequence[Message]) -> int:
    """Bytes of RAM, roughly."""
    return sum(len(each.topic) + len(each.payload) + _OVERHEAD for each in messages)
