"""Listens to a broker for the demo and the tests, across the broker's restarts."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.play.broker import Broker
from tools.talk.formats import shown
from tools.talk.readings import number, parse

Message = tuple[str, str]


class Subscriber:
    """Everything below a topic, in the order of its arrival. A context manager.

    show: called with each message; tls: the certificate of the broker's authority
    keep: of which topics the messages are kept in `messages`
    login: user and password; socket: where the broker listens in the file system
    """

    def __init__(
        self,
        broker: Broker,
        topic: str = "petrel/#",
        show: Callable[[str, str], None] = lambda topic, payload: None,
        tls: Path | None = None,
        login: tuple[str, str] | None = None,
        socket: Path | None = None,
        keep: Callable[[str], bool] = lambda topic: True,
    ) -> None:
        self.messages: list[Message] = []
        self._numbers: list[int] = []  # found once: there may be many messages
        self._show = show
        self._keep = keep
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        transport: Literal["tcp", "unix"] = "unix" if socket else "tcp"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, transport=transport)
        self._client.reconnect_delay_set(1, 1)
        self._marker = f"marker/{uuid.uuid4()}"
        self._marked = threading.Event()
        filters = [(topic, 1), (self._marker, 1)]
        self._client.on_connect = lambda client, *_: client.subscribe(filters)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_message = self._on_message
        if login:
            self._client.username_pw_set(*login)
        if tls:
            self._client.tls_set(str(tls))
        self._client.connect(str(socket) if socket else broker.host, broker.port)
        self._client.loop_start()
        self.wait_subscribed()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def wait_subscribed(self, timeout: float = 40) -> None:
        """Wait until nothing that is published can be missed."""
        if not self._subscribed.wait(timeout):
            raise TimeoutError(f"not subscribed within {timeout} s")

    def catch_up(self, timeout: float = 40) -> None:
        """Wait until all that the broker has taken has arrived here, while nobody publishes.

        To be called before the broker is ended: paho drops what it has not read by then. After
        it, wait_subscribed() waits for a new subscription, and is not content with the old one.
        """
        self._marked.clear()
        self._client.publish(self._marker, "", qos=1)
        if not self._marked.wait(timeout):
            raise TimeoutError(f"the broker has not delivered a message within {timeout} s")
        self._subscribed.clear()

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        """Publish to the broker."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def seen(self, wanted: Callable[[str, str], bool], timeout: float, start: int = 0) -> bool:
        """Wait for a message among those from `start` on; False if none came in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: any(wanted(*message) for message in self.messages[start:]), timeout
            )

    def until(self, true: Callable[[], bool], timeout: float) -> bool:
        """Wait, message by message, for something to become true; False if it did not in time."""
        with self._changed:
            return self._changed.wait_for(true, timeout)

    def wait(self, topic: str, timeout: float = 40, start: int = 0, **fields: Any) -> Any:
        """Wait for a message on a topic, a JSON object with those fields; returns it.

        Without fields any payload will do, and one that is not JSON is returned as text. Raises
        TimeoutError that shows what has come instead.
        """
        found: list[Any] = []

        def wanted(its_topic: str, payload: str) -> bool:
            if its_topic != topic:
                return False
            value = parse(payload)
            if fields and not (isinstance(value, dict) and fields.items() <= value.items()):
                return False
            found.append(value)
            return True

        if not self.seen(wanted, timeout, start):
            last = "\n  ".join(f"{t} {p}" for t, p in self.messages[-12:])
            raise TimeoutError(f"no message on {topic} with {fields}; the last were\n  {last}")
        return found[0]

    def sequence(self) -> list[int]:
        """The sequence numbers of the readings, in the order of arrival."""
        return list(self._numbers)

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        topic, payload = message.topic, shown(message.payload)
        if topic == self._marker:
            self._marked.set()
            return
        self._show(topic, payload)
        with self._changed:
            if self._keep(topic):
                self.messages.append((topic, payload))
                if found := number(payload):
                    self._numbers.append(found)
            self._changed.notify_all()
