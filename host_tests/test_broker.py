"""The broker that the other tests rely on does what its methods say."""

from __future__ import annotations

from collections.abc import Callable

import paho.mqtt.client as paho
import pytest
from paho.mqtt.publish import single
from paho.mqtt.subscribe import simple

from tools.broker import Broker


def test_restart_keeps_the_port_and_retained_messages(
    broker_factory: Callable[..., Broker],
) -> None:
    broker = broker_factory(persistence=True)
    single("kept", "here", qos=1, retain=True, hostname=broker.host, port=broker.port)
    port = broker.port
    broker.restart()
    message = simple("kept", hostname=broker.host, port=port, keepalive=5)
    assert message.payload == b"here"


def test_kill_ends_the_process(broker: Broker) -> None:
    broker.kill()
    assert not broker.running
    with pytest.raises(ConnectionRefusedError):
        single("t", "x", hostname=broker.host, port=broker.port)


def test_users_need_their_password(broker_factory: Callable[..., Broker]) -> None:
    broker = broker_factory(users={"node": "secret"})
    answers = []
    for password in ("secret", "wrong"):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.username_pw_set("node", password)
        client.on_connect = lambda c, data, flags, code, properties: (
            answers.append(code.is_failure), c.disconnect()
        )
        client.connect(broker.host, broker.port)
        client.loop_forever(retry_first_connection=False)
    assert answers == [False, True]
