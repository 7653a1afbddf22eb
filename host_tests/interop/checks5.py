"""What MQTT 5 alone has: rows of the matrix like those of host_tests.interop.checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import paho.mqtt.client as paho

from host_tests.interop.bench import Bench, NotApplicable
from host_tests.interop.control import CONTROL
from host_tests.interop.device import Device
from host_tests.interop.peer import Peer, properties

Check = Callable[[Bench], None]

# What options() of mqtt.v5 makes of its arguments; the device tests hold that.
NO_LOCAL = 0x04
AS_PUBLISHED = 0x08
NOT_RETAINED = 0x20
SECOND = 0x200  # the subscription identifier 2


def version_5(check: Check) -> Check:
    """A check of Petrel alone, and of no version before 5."""

    @wraps(check)
    def run(bench: Bench) -> None:
        if bench.protocol != "5":
            raise NotApplicable("MQTT 5 has it first")
        if bench.kind == CONTROL:
            raise NotApplicable("paho is the other side of it")
        check(bench)

    return run


@contextmanager
def _pair(bench: Bench) -> Iterator[tuple[Device, Peer]]:
    device = bench.device()
    assert isinstance(device, Device)
    with device, bench.peer(5) as peer:
        device.open(bench.client_id)
        yield device, peer
        device.close()


@version_5
def message_properties(bench: Bench) -> None:
    """properties of a message, both ways"""
    with _pair(bench) as (device, peer):
        device.subscribe(f"{bench.topic}/d", 1)
        peer.subscribe(f"{bench.topic}/p", 1)
        given = {
            "content_type": "text", "response_topic": "to/me", "correlation_data": "7",
            "message_expiry": 60, "user_property": [["k", "v"], ["k", "w"]],
        }  # fmt: skip
        for word in ("one", "two"):  # the second under an alias of its topic, where there is one
            device.publish(f"{bench.topic}/p", word, 1, properties=given)
        for word in ("one", "two"):
            _expect(peer.wait(f"{bench.topic}/p", word))
        peer.publish(
            f"{bench.topic}/d", "three", 1,
            properties=properties(
                ContentType="text", ResponseTopic="to/me", CorrelationData=b"7",
                MessageExpiryInterval=60, UserProperty=[("k", "v"), ("k", "w")],
            ),
        )  # fmt: skip
        ((_, payload, _, got),) = device.receive5(1)
        assert payload == "three"
        assert 0 < got.pop("message_expiry") <= 60
        given.pop("message_expiry")
        assert got == given, f"the device received {got}"


def _expect(message: paho.MQTTMessage) -> None:
    got: Any = message.properties
    assert got.ContentType == "text" and got.ResponseTopic == "to/me"
    assert got.CorrelationData == b"7"
    assert 0 < got.MessageExpiryInterval <= 60
    assert got.UserProperty == [("k", "v"), ("k", "w")]


@version_5
def topic_alias(bench: Bench) -> None:
    """repeated topics under an alias"""
    words = [f"{number}" for number in range(9)]
    with _pair(bench) as (device, peer):
        peer.subscribe(f"{bench.topic}/+", 1)
        sent = [(f"{bench.topic}/{int(word) % 3}", word) for word in words]
        for topic, word in sent:
            device.publish(topic, word, int(word) % 2)
        got = [(message.topic, message.payload.decode()) for message in peer.wait_all(sent)]
        assert sorted(got) == sorted(sent), f"paho received {got}"
        granted = device.server().get("topic_alias_maximum", 0)
        assert device.aliases() == min(3, granted), f"aliases used: {device.aliases()}"


@version_5
def no_local(bench: Bench) -> None:
    """no local"""
    with _pair(bench) as (device, peer):
        device.subscribe(f"{bench.topic}/d", 1 | NO_LOCAL)
        device.publish(f"{bench.topic}/d", "mine", 1)
        peer.publish(f"{bench.topic}/d", "yours", 1)
        got = [payload for _, payload, *_ in device.receive5(1)]
        assert got == ["yours"], f"the device received {got}"


@version_5
def retain_handling(bench: Bench) -> None:
    """retain handling, and retain as published"""
    topic = f"{bench.topic}/r"
    with _pair(bench) as (device, peer):
        peer.publish(topic, "old", 1, True)
        device.subscribe(topic, 1 | NOT_RETAINED | AS_PUBLISHED)
        peer.publish(topic, "new", 1, True)
        got = [(payload, retained) for _, payload, retained, _ in device.receive5(1)]
        peer.publish(topic, "", 1, True)
        assert got == [("new", True)] or (got == [("new", None)] and bench.kind == "blocking"), (
            f"the device received {got}"
        )


@version_5
def subscription_identifier(bench: Bench) -> None:
    """subscription identifiers"""
    with _pair(bench) as (device, peer):
        device.subscribe([(f"{bench.topic}/a", 1), (f"{bench.topic}/b", 1 | SECOND)])
        for name in "ab":
            peer.publish(f"{bench.topic}/{name}", name, 1)
        got = {payload: told for _, payload, _, told in device.receive5(2)}
        assert got == {"a": {}, "b": {"subscription_identifier": [2]}}, f"received {got}"


@version_5
def assigned_client_id(bench: Bench) -> None:
    """client id assigned by the broker, and kept"""
    with bench.device() as device:
        assert isinstance(device, Device)
        device.open("", clean=False)
        device.subscribe(f"{bench.topic}/d", 1)  # some brokers keep no session without
        name = device.server().get("assigned_client_id")
        assert name, "no client id was assigned"
        device.close()
        assert device.reopen() is True, "the session was not there under that id"
        device.close()


@version_5
def session_expiry(bench: Bench) -> None:
    """a session that expires with its connection, and one that does not"""
    with bench.device() as device:
        assert isinstance(device, Device)
        device.open(bench.client_id, clean=False, expiry=0)
        device.subscribe(f"{bench.topic}/d", 1)  # some brokers keep no session without
        device.close()
        assert device.open(bench.client_id, clean=False) is False, "the session outlived it"
        device.subscribe(f"{bench.topic}/d", 1)
        device.close()
        assert device.open(bench.client_id, clean=False) is True, "the session was not kept"
        device.close()


CHECKS: tuple[Check, ...] = (
    message_properties, topic_alias, no_local, retain_handling, subscription_identifier,
    assigned_client_id, session_expiry,
)  # fmt: skip
