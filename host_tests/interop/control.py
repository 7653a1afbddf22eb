"""paho in the place of Petrel's client: what it cannot do with a broker is the broker's limit."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from host_tests.interop.device import PROTOCOLS, DeviceError, Received
from tools.lab.brokers.base import PASSWORD, USER

CONTROL = "paho"
LONG_S = 3600  # for MQTT 5, which wants a time for a session that outlives its connection
# Reason codes that paho reports for the return codes of MQTT 3.
RETURN_CODES = {134: 4, 135: 5}


class Control:
    """A client as host_tests.interop.device.Device is one, with the same methods."""

    def __init__(self, protocol: str, port: int, wait_ms: int) -> None:
        self.protocol = protocol
        self.port = port
        self._wait_s = wait_ms / 1000
        self._changed = threading.Condition()
        self._got: list[Received] = []
        self._answered: set[int] = set()
        self._filters: list[tuple[str, int]] = []
        self._connects = 0
        self._ended = self._present = False
        self._code = 0
        self._client: paho.Client | None = None

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the connection without a goodbye."""
        client, self._client = self._client, None
        if client:
            client.loop_stop()
            client._sock_close()

    def open(
        self,
        client_id: str,
        clean: bool = True,
        will: tuple[str, str, int, bool] | None = None,
        password: str = PASSWORD,
        port: int | None = None,
    ) -> bool:
        """Connect; returns whether the broker still had our session."""
        version = PROTOCOLS[self.protocol]
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if version == 5 else clean,
            protocol=MQTTProtocolVersion(version),
        )
        client.username_pw_set(USER, password)
        if will:
            client.will_set(*will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = client.on_unsubscribe = self._on_answer
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        self._client = client
        to = ("127.0.0.1", port or self.port)
        if version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0 if clean else LONG_S
            client.connect(*to, clean_start=clean, properties=properties)
        else:
            client.connect(*to)
        client.loop_start()
        self._wait(lambda: self._connects or self._code or self._ended, "CONNACK")
        if not self._connects:
            self.kill()
            code = self._code if version == 5 else RETURN_CODES.get(self._code, self._code)
            raise DeviceError("Refused" if code else "LinkError", f"code {code}", code)
        return self._present

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> None:
        """Publish, and wait for the broker's answer."""
        try:
            self._paho.publish(topic, payload, qos, retain).wait_for_publish(self._wait_s)
        except RuntimeError as error:
            raise DeviceError("LinkError", f"paho: {error}", None) from error

    def subscribe(self, topic: str | list[tuple[str, int]], qos: int = 0) -> None:
        """Subscribe to a filter, or in one packet to pairs of a filter and a QoS."""
        pairs = [(topic, qos)] if isinstance(topic, str) else topic
        self._filters += pairs
        number = self._paho.subscribe(pairs)[1]
        self._wait(lambda: number in self._answered, "SUBACK")

    def unsubscribe(self, topic: str) -> None:
        """Unsubscribe."""
        number = self._paho.unsubscribe(topic)[1]
        self._wait(lambda: number in self._answered, "UNSUBACK")

    def receive(self, count: int) -> list[Received]:
        """What has arrived, once that is so many or nothing more is to be expected."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._got) >= count, self._wait_s)
            got, self._got = self._got, []
        return got

    def reconnect(self) -> bool:
        """Wait until paho has connected and subscribed again."""
        self._wait(lambda: self._connects > 1 and not self._ended, "second CONNACK")
        filters, self._filters = self._filters, []
        self.subscribe(filters)
        return self._present

    def skipped(self) -> int:
        """paho takes in messages of any size."""
        return 0

    def connects(self) -> int:
        """Connections that have stood."""
        return self._connects

    def close(self) -> None:
        """Say goodbye."""
        self._paho.disconnect()
        self._paho.loop_stop()

    @property
    def _paho(self) -> paho.Client:
        assert self._client, "not connected"
        return self._client

    def _wait(self, done: Callable[[], object], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(done, self._wait_s):
                raise DeviceError("LinkError", f"paho: no {what} in time", None)

    def _on_connect(self, *arguments: object) -> None:
        _, _, flags, reason, *_ = arguments
        with self._changed:
            self._code = int(getattr(reason, "value", 0))
            self._connects += not self._code
            self._ended = False
            self._present = bool(getattr(flags, "session_present", False))
            self._changed.notify_all()

    def _on_disconnect(self, *arguments: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _on_answer(self, *arguments: object) -> None:
        number = arguments[2]
        assert isinstance(number, int)
        with self._changed:
            self._answered.add(number)
            self._changed.notify_all()

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self._got.append((message.topic, message.payload.decode(), message.retain))
            self._changed.notify_all()
