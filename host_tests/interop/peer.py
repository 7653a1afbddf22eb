"""The other side of every check: paho, a client that others wrote."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tools.lab.brokers.base import PASSWORD, USER

WAIT_S = 30.0


def properties(**values: object) -> Properties:
    """The properties of a message, by paho's names for them."""
    found = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(found, name, value)
    return found


class Peer:
    """A connected client; a context manager that disconnects it."""

    def __init__(self, host: str, port: int, version: int = 4) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self._changed = threading.Condition()
        self._connected = False
        self._granted: dict[int, list[int]] = {}
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version)
        )
        client.username_pw_set(USER, PASSWORD)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect(host, port)
        client.loop_start()
        self._wait(lambda: self._connected, "paho is not connected")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic: str, qos: int = 0) -> int:
        """Subscribe; returns the QoS that the broker grants."""
        _, number = self._client.subscribe(topic, qos)
        assert number is not None
        self._wait(lambda: number in self._granted, f"paho is not subscribed to {topic}")
        return self._granted[number][0]

    def publish(
        self,
        topic: str,
        payload: str,
        qos: int = 0,
        retain: bool = False,
        properties: Properties | None = None,
    ) -> None:
        """Publish, and wait for the broker's answer."""
        try:
            sent = self._client.publish(topic, payload, qos, retain, properties)
            sent.wait_for_publish(WAIT_S)
        except RuntimeError as error:
            raise OSError(f"paho: {error}") from error

    def wait(self, topic: str, payload: str) -> paho.MQTTMessage:
        """Wait for a message, and return it."""
        return self.wait_all([(topic, payload)])[0]

    def wait_all(self, wanted: list[tuple[str, str]]) -> list[paho.MQTTMessage]:
        """Wait for messages, in any order."""

        def found() -> list[paho.MQTTMessage]:
            return [m for m in self.messages if (m.topic, m.payload.decode()) in wanted]

        self._wait(lambda: len(found()) >= len(wanted), f"paho did not receive {wanted}")
        return found()

    def _wait(self, done: Callable[[], object], failure: str) -> None:
        with self._changed:
            if not self._changed.wait_for(done, WAIT_S):
                got = [(m.topic, m.payload[:40]) for m in self.messages[-4:]]
                raise TimeoutError(f"{failure}; its last messages: {got}")

    def _on_connect(self, *arguments: object) -> None:
        with self._changed:
            self._connected = not getattr(arguments[3], "is_failure", True)
            self._changed.notify_all()

    def _on_subscribe(self, *arguments: object) -> None:
        _, _, number, codes, *_ = arguments
        assert isinstance(number, int) and isinstance(codes, list)
        with self._changed:
            self._granted[number] = [code.value for code in codes]
            self._changed.notify_all()

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
