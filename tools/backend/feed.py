"""What was just stored, for those who look at it now: the page, the alarms."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Event:
    """Something that is in the database now.

    kind: reading, status, diagnostics, reply, command or log
    node: the node's id in the database, name: its name
    field: the name of a sensor, a command or a reply; the level of a line of the log
    value: of a reading; the word of a status; the text of a line; of all others their payload
    sensor, unit: of a reading: its sensor's id, and the unit of the value
    time: when a reading was taken; at: when the message arrived; both in ms since 1970
    fresh: the newest of its sensor, and not one that came late
    """

    kind: str
    node: int
    name: str
    at: int
    field: str = ""
    value: float | bool | str | None = None
    sensor: int = 0
    unit: str = ""
    time: int = 0
    fresh: bool = True


class Subscription:
    """The events for one who listens; the oldest are dropped if it doesn't keep up."""

    def __init__(self, feed: Feed, most: int) -> None:
        self.dropped = 0
        self._feed = feed
        self._events: deque[Event] = deque(maxlen=most)
        self._changed = threading.Condition()
        self._closed = False

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no longer; take() returns at once."""
        self._feed._leave(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> list[Event]:
        """Wait for events and return all there are; an empty list if none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._closed, timeout)
            events = list(self._events)
            self._events.clear()
        return events

    def _put(self, events: list[Event]) -> None:
        with self._changed:
            most = self._events.maxlen or 0
            self.dropped += max(0, len(self._events) + len(events) - most)
            self._events.extend(events)
            self._changed.notify_all()


class Feed:
    """Hands each subscriber what the collector has committed. Any thread may use it."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()

    def subscribe(self, most: int = 10_000) -> Subscription:
        """Listen; `most`: how many events may wait."""
        subscription = Subscription(self, most)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    @property
    def heard(self) -> bool:
        """True if anybody listens."""
        return bool(self._subscriptions)

    def publish(self, events: list[Event]) -> None:
        """Hand out events; never waits for those who listen."""
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription._put(events)

    def _leave(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
