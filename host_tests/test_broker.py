"""The broker that the other tests rely on does what its methods say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.publish import single

from tools.broker import Broker
from tools.subscriber import Subscriber


def test_restart_keeps_the_port_and_retained_messages(
    broker_factory: Callable[..., Broker],
) -> None:
    broker = broker_factory(persistence=True)
    single("kept", "here", qos=1, retain=True, hostname=broker.host, port=broker.port)
    port = broker.port
    broker.restart()
    assert broker.port == port
    with Subscriber(broker, "kept") as seen:
        assert seen.wait("kept") == "here"


def test_kill_ends_the_process(broker: Broker) -> None:
    broker.kill()
    assert not broker.running
    with pytest.raises(ConnectionRefusedError):
        single("t", "x", hostname=broker.host, port=broker.port)


def test_users_need_their_password(broker_factory: Callable[..., Broker]) -> None:
    broker = broker_factory(users={"node": "secret"})
    answers: list[bool] = []

    def on_connect(client: paho.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
        answers.append(code.is_failure)
        client.disconnect()

    for password in ("secret", "wrong"):
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set("node", password)
        client.on_connect = on_connect
        client.connect(broker.host, broker.port)
        client.loop_forever(retry_first_connection=False)
    assert answers == [False, True]
