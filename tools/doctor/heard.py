"""Asks a node over MQTT: what the broker keeps of it, what it answers, what it publishes."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho

from tools.talk.connection import ANSWER_S, Address, Connection
from tools.talk.dialog import check_name, sealed
from tools.talk.formats import shown
from tools.talk.readings import parse

QUIET_S = 1.5  # with nothing new, all that the broker keeps has come
_KEPT = ("status", "diagnostics", "update/state")
_NEVER = 1e9
_NONE = ("cmd/", "reply/", "update/", "log")  # what is below them is no reading


@dataclass
class Heard:
    """What is known of a node.

    kept: of its topics what the broker keeps, as JSON; replies: to commands, None if none came
    readings: those that came while it was listened to, by topic; others: the other nodes there
    """

    node: str
    base: str = "petrel"
    signed: bool = False
    kept: dict[str, Any] = field(default_factory=dict)
    replies: dict[str, Any] = field(default_factory=dict)
    readings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        """Whether the broker has anything of it."""
        return bool(self.kept or self.readings)

    @property
    def online(self) -> bool:
        """Whether it says so."""
        return self.kept.get("status") == "online"

    @property
    def diagnostics(self) -> dict[str, Any]:
        """The last that it told."""
        said = self.kept.get("diagnostics")
        return said if isinstance(said, dict) else {}

    @property
    def config(self) -> dict[str, Any]:
        """Its config, without secrets; empty if it didn't tell it."""
        reply = self.replies.get("config/get")
        config = reply.get("config") if isinstance(reply, dict) else None
        return config if isinstance(config, dict) else {}

    def sensors(self) -> dict[str, float]:
        """The sensors that report by the clock, as its config says: every so many seconds."""
        entries = self.config.get("sensors")
        found = {}
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("interval"), int | float):
                found[str(entry.get("name"))] = entry["interval"] + _held_back(entry)
        return {name: seconds for name, seconds in found.items() if seconds < _NEVER}

    def count(self, sensor: str) -> int:
        """How many readings of a sensor came."""
        of = [
            len(came)
            for topic, came in self.readings.items()
            if topic == sensor or topic.startswith(sensor + "/")
        ]
        return min(of, default=0)


def _held_back(entry: dict[str, Any]) -> float:
    """For how many seconds the filters of a sensor may hold its values back; _NEVER: for good."""
    filters = entry.get("filters")
    seconds = 0.0
    for each in filters if isinstance(filters, list) else ():
        if not isinstance(each, dict):
            continue
        if "outlier" in each or ("delta" in each and "heartbeat" not in each):
            return _NEVER
        for key in ("throttle", "over", "heartbeat"):
            if isinstance(each.get(key), int | float):
                seconds += each[key]
    return seconds


class Listener:
    """A context manager: the broker, and all that comes from the node there."""

    def __init__(self, broker: Address, base: str, node: str, secret: str = "") -> None:
        check_name("NODE", node, "greenhouse")
        self.heard = Heard(node, base, bool(secret))
        self._secret = secret
        self._came: queue.Queue[tuple[str, str, bool]] = queue.Queue()
        self._connection = Connection(broker, f"{base}/{node}/#", f"{base}/+/status")
        self._connection.client.on_message = self._on_message

    def __enter__(self) -> Listener:
        self._connection.listen()
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def settle(self) -> None:
        """Take what the broker keeps, though the node may publish all the time."""
        end = time.monotonic() + QUIET_S
        while (left := end - time.monotonic()) > 0:
            if self._take(left):
                end = time.monotonic() + QUIET_S

    def ask(self, *commands: str, wait: float = ANSWER_S) -> None:
        """Send commands, and wait for their replies."""
        for name in commands:
            self.heard.replies[name] = None
            topic = f"{self.heard.base}/{self.heard.node}/cmd/{name}"
            payload = sealed(self._secret, topic, "")
            self._connection.client.publish(topic, payload, qos=1)
            self.until(lambda name=name: self.heard.replies[name] is not None, wait)  # type: ignore[misc]

    def until(self, true: Callable[[], bool], seconds: float) -> None:
        """Listen until something has become true, or so long."""
        began = time.monotonic()
        while not true() and (left := began + seconds - time.monotonic()) > 0:
            self._take(left)
        self.heard.seconds += time.monotonic() - began

    def _take(self, seconds: float) -> bool:
        """Take a message, if one comes in so many seconds; returns whether it was a kept one."""
        self._connection.check()
        try:
            topic, payload, retained = self._came.get(timeout=seconds)
        except queue.Empty:
            return False
        node, _, what = topic.removeprefix(f"{self.heard.base}/").partition("/")
        said = parse(payload)
        if node != self.heard.node:
            self.heard.others.append(node)
        elif what.startswith("reply/"):
            self.heard.replies[what.removeprefix("reply/")] = said
        elif what in _KEPT:
            self.heard.kept[what] = said
        elif isinstance(said, dict) and "value" in said and not what.startswith(_NONE):
            came = self.heard.readings.setdefault(what, [])
            if not retained:
                came.append(said)
        return retained

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = shown(message.payload)
        self._came.put((message.topic, payload, message.retain))
