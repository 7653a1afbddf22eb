"""A node whose readings are MessagePack, CBOR or plain, at a real broker; and who reads them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from host_tests.harness.node import LIGHT, Node
from tools.backend.messages import FOREIGN, Reading, parse
from tools.play.broker import Broker
from tools.talk.formats import shown

TYPES = {
    "json": "application/json",
    "msgpack": "application/msgpack",
    "cbor": "application/cbor",
    "plain": "text/plain",
}
NOW = 1_795_218_370_000
DELIVERIES = ("queue", "latest", "must_deliver")
SENSORS = [
    {**LIGHT, "name": each, "delivery": each, "pin": pin}
    for each, pin in zip(DELIVERIES, (32, 33, 35), strict=True)
]
Messages = queue.Queue[paho.MQTTMessage]


@pytest.fixture
def messages(broker: Broker) -> Iterator[Messages]:
    """What the node publishes, with the properties of MQTT 5."""
    found: Messages = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda client, data, message: found.put(message)
    subscribed: queue.Queue[bool] = queue.Queue()
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("petrel/n1/#", 1)
    subscribed.get(timeout=60)
    yield found
    client.disconnect()
    client.loop_stop()


def next_of(messages: Messages, sensor: str) -> paho.MQTTMessage:
    while True:
        message = messages.get(timeout=60)
        if message.topic == f"petrel/n1/{sensor}":
            return message


def item_of(message: paho.MQTTMessage) -> Any:
    return parse(message.topic, bytes(message.payload), NOW, "petrel")


@pytest.mark.parametrize("format_", TYPES)
@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_readings_have_a_format_and_say_which(
    node: Node, messages: Messages, format_: str
) -> None:
    mqtt = {**node.config()["mqtt"], "version": 5}
    node.write_config(node.config(mqtt=mqtt, sensors=SENSORS, format=format_))
    node.bench.power_on()
    for sensor in DELIVERIES:
        message = next_of(messages, sensor)
        told = "" if sensor == "latest" else TYPES[format_]
        assert getattr(message.properties, "ContentType", "") == told
        found = item_of(message)
        assert isinstance(found, Reading) and found.value is not None and found.value > 0, found
        assert (found.boot == FOREIGN) == (format_ == "plain")
        assert found.unit == ("" if format_ == "plain" else "V"), shown(message.payload)
    # All else stays as it is.
    assert node.wait("diagnostics")["mode"] == "normal"
    node.obeys()
    assert node.command("read", "queue")["ok"]


@pytest.mark.parametrize("node", ["32"], indirect=True)
def test_without_mqtt_5_there_is_no_type(node: Node, messages: Messages) -> None:
    node.write_config(node.config(sensors=SENSORS, format="cbor"))
    node.bench.power_on()
    for sensor in DELIVERIES:
        message = next_of(messages, sensor)
        assert not hasattr(message.properties, "ContentType")
        assert item_of(message).unit == "V"


@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_home_assistant_is_not_told_of_what_it_can_not_read(node: Node) -> None:
    node.write_config(node.config(homeassistant={}, format="cbor"))
    node.bench.power_on()
    node.bench.wait_for_line("format: Home Assistant reads json alone", 60)
