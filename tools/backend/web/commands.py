"""Sends commands to nodes over the collector's connection, and waits for their replies.

The replies come as all that nodes publish does: the collector stores them, and the feed tells.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tools.backend.feed import Feed
from tools.shared.errors import ToolError
from tools.talk.dialog import signed

Publish = Callable[[str, bytes], None]  # topic and payload; raises ToolError without a broker


class Commands:
    """One command of a name at a time for each node: a reply doesn't say which it answers."""

    def __init__(self, publish: Publish, feed: Feed) -> None:
        self._publish = publish
        self._feed = feed
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str], threading.Lock] = {}
        self._number = 0

    def ask(self, base: str, node: str, name: str, payload: str, secret: str, wait: float) -> str:
        """Send a command; returns the reply as it came. Raises ToolError if none comes in time."""
        late = ToolError(
            f"no reply from {base}/{node} within {wait:g} s",
            "Is it online? Too many commands at once are not answered.",
        )
        end = time.monotonic() + wait
        with self._lock:
            turn = self._turns.setdefault((node, name), threading.Lock())
        if not turn.acquire(timeout=wait):
            raise late
        try:
            with self._feed.subscribe() as replies:
                topic, raw = f"{base}/{node}/cmd/{name}", payload.encode()
                self._publish(topic, self._signed(secret, topic, raw))
                while (left := end - time.monotonic()) > 0:
                    for event in replies.take(left):
                        if (event.kind, event.name, event.field) == ("reply", node, name):
                            return str(event.value)
        finally:
            turn.release()
        raise late

    def _signed(self, secret: str, topic: str, raw: bytes) -> bytes:
        if not secret:
            return raw
        with self._lock:
            self._number = max(self._number + 1, time.time_ns() // 1_000_000)
            return signed(secret, topic, raw, self._number)
