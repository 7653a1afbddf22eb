"""Live events for browsers. However fast readings come, each browser gets four messages a second.

One thread takes what the collector has stored, and hands it to the loop of the page. There each
watcher keeps what it has not sent: the newest state of nodes, and the last readings of sensors.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

from tools.backend.feed import Event, Feed

PAUSE_S = 0.25  # between two messages
HEARTBEAT_S = 15.0  # proxies close what is silent
KEPT = 500  # readings of a sensor that wait to be sent
WATCHERS = 200  # browsers at once


class Watcher:
    """One browser: it follows a node, some sensors, or the state of all nodes."""

    def __init__(self, node: str | None = None, sensors: Iterable[str] = ()) -> None:
        self.changed = asyncio.Event()
        self._node = node
        self._sensors = frozenset(sensors)
        self._nodes: dict[str, dict[str, Any]] = {}
        self._readings: dict[str, deque[list[Any]]] = {}
        self._others: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._alarms = False

    def take(self, events: Iterable[Event]) -> None:
        """Keep what this browser wants to know of them."""
        for event in events:
            if self._node is not None and event.name != self._node:
                continue
            if event.kind == "reading":
                self._take_reading(event)
            elif not self._sensors:
                self._take_other(event)
        if self._nodes or self._readings or self._others:
            self.changed.set()

    def alarms_changed(self) -> None:
        """An alarm was raised, has returned or was acknowledged."""
        self._alarms = True
        self.changed.set()

    def message(self) -> dict[str, Any]:
        """What has been kept since the last; empty if nothing has."""
        message: dict[str, Any] = {}
        if self._nodes:
            message["nodes"] = self._nodes
        if self._readings:
            message["readings"] = {key: list(rows) for key, rows in self._readings.items()}
        if self._others:
            message["events"] = list(self._others)
        if self._alarms:
            message["alarms"] = True
        self._nodes, self._readings, self._alarms = {}, {}, False
        self._others.clear()
        self.changed.clear()
        return message

    def _take_reading(self, event: Event) -> None:
        key = f"{event.name}/{event.field}"
        if self._node is None and not self._sensors:
            self._nodes.setdefault(event.name, {})["seen"] = event.at
        elif not self._sensors or key in self._sensors:
            kept = self._readings.get(key)
            if kept is None:
                kept = self._readings[key] = deque(maxlen=KEPT)
            kept.append([event.time, event.value, event.unit, event.fresh])

    def _take_other(self, event: Event) -> None:
        about = self._nodes.setdefault(event.name, {})
        about["seen"] = event.at
        if event.kind == "status":
            about["state"] = event.value
        elif event.kind == "diagnostics":
            about["diagnostics"] = True
        if self._node is not None and event.kind != "diagnostics":
            self._others.append({"kind": event.kind, "at": event.at, "value": event.value})


class Live:
    """All browsers that follow, and the thread that feeds them while there are any."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._watchers: set[Watcher] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: threading.Event | None = None
        self._closed = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no further browser can follow."""
        return len(self._watchers) >= WATCHERS

    def close(self) -> None:
        """End all streams, so that the server can end. Any thread may call it."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end)

    def alarms_changed(self) -> None:
        """Tell all browsers that the alarms have changed. Any thread may call it."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell_alarms)

    async def stream(self, watcher: Watcher, still: Any) -> AsyncIterator[str]:
        """The text of server-sent events; `still`: awaited now and then, False ends the stream."""
        self._enter(watcher)
        try:
            yield "retry: 2000\n\n"
            while not self._closed.is_set():
                try:
                    await asyncio.wait_for(watcher.changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    if not await still():
                        return
                    yield ": nothing new\n\n"
                    continue
                if message := watcher.message():
                    yield f"data: {json.dumps(message, allow_nan=False, default=str)}\n\n"
                await asyncio.sleep(PAUSE_S)
        finally:
            self._leave(watcher)

    def _enter(self, watcher: Watcher) -> None:
        self._watchers.add(watcher)
        if self._stop is None:
            self._loop = asyncio.get_running_loop()
            self._stop = threading.Event()
            arguments = (self._stop, self._loop)
            threading.Thread(target=self._run, args=arguments, name="live", daemon=True).start()

    def _leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        if not self._watchers and self._stop is not None:
            self._stop.set()
            self._stop = None

    def _run(self, stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        with self._feed.subscribe(50_000) as subscription:
            while not stop.is_set():
                events = subscription.take(1.0)
                if events and not loop.is_closed():
                    loop.call_soon_threadsafe(self._dispatch, events)
                stop.wait(0.05)  # some at once: less work for each

    def _dispatch(self, events: list[Event]) -> None:
        for watcher in self._watchers:
            watcher.take(events)

    def _end(self) -> None:
        self._closed.set()
        for watcher in self._watchers:
            watcher.changed.set()

    def _tell_alarms(self) -> None:
        for watcher in self._watchers:
            watcher.alarms_changed()
