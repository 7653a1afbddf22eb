"""What one end encodes, the other reads back: packets in any segments, properties, lengths."""

from __future__ import annotations

import importlib
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

stub: Any = importlib.import_module("micropython")
base: Any = importlib.import_module("mqtt.engine.base")
cores: Any = importlib.import_module("mqtt.engine.core")
connects: Any = importlib.import_module("mqtt.engine.connect")
subscribes: Any = importlib.import_module("mqtt.engine.subscribe")
properties: Any = importlib.import_module("mqtt.properties")

ROOM = 256
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=30
)
payloads = st.binary(max_size=400)  # some do not fit with the header
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)
of_messages = st.fixed_dictionaries(
    {},
    optional={
        "payload_format": st.integers(0, 1),
        "message_expiry": st.integers(0, 0xFFFFFFFF),
        "content_type": texts,
        "response_topic": texts,
        "correlation_data": st.binary(max_size=20),
        "user_property": st.lists(st.tuples(texts, texts), min_size=1, max_size=3),
    },
)


class Sink:
    def __init__(self) -> None:
        self.data = b""

    def write(self, piece: bytes) -> None:
        self.data += bytes(piece)

    def close(self) -> bytes:
        return self.data


def made(client_id: str = "id", **options: Any) -> Any:
    """A core that is up, and what it has written to its stream."""
    stub.prepare(cores, lambda: 0)
    written: list[bytes] = []
    with patch("gc.collect"):
        core = cores.Core(client_id, 4, options.pop("buffer", ROOM), options)
    core.stream = stub.Stream(written.append)
    core.poll.register(core.stream, 0)
    core.up = True
    return core, written


@pytest.mark.parametrize("version", [4, 5])
@settings(deadline=None)  # a core loads what checks its options, each time
@example("t", bytes(300), 1, True, [7], {})  # a payload that passes through the buffer
@example("t", b"p", 0, False, [1], {"user_property": [("k" * 30, "v" * 70)] * 3})  # is skipped
@given(
    topic=texts, payload=payloads, qos=st.integers(0, 2), retain=st.booleans(),
    steps=sizes, given_properties=of_messages,
)  # fmt: skip
def test_publish(
    version: int, topic: str, payload: bytes, qos: int, retain: bool, steps: list[int],
    given_properties: dict[str, Any],
) -> None:  # fmt: skip
    """What one core posts another delivers, whatever the segments, and answers; or skips."""
    sender, written = made(version=version)
    told = given_properties if version == 5 else None
    sender.post(topic, payload, retain, qos, told)
    packet = b"".join(written)
    assert len(written) <= 2  # a payload that does not fit leaves on its own
    got: list[Any] = []
    receiver, answers = made(
        version=version,
        on_message=lambda *message: got.append(message),
        on_large=lambda *_: Sink(),
    )
    at = turn = 0
    while at < len(packet):
        assert not got and not answers, "found too early"
        n = steps[turn % len(steps)]
        turn += 1
        receiver.stream.unread = packet[at : at + n]
        at += n
        while receiver.stream.unread:
            receiver.receive()
    if receiver.skipped:
        assert not got and len(topic.encode()) + 40 > ROOM - size_of(told)
    elif version == 5:
        ((name, data, retained, said),) = got
        assert (name, data, retained, said) == (topic, payload, retain, given_properties)
    else:
        assert got == [(topic, payload, retain)]
    pid = packet_identifier(packet, topic)
    assert answers == [[], [b"\x40\x02" + pid], [b"\x50\x02" + pid]][qos]


def size_of(given_properties: dict[str, Any] | None) -> int:
    return len(properties.encode(given_properties, 0x30))


def packet_identifier(packet: bytes, topic: str) -> bytes:
    body = body_of(packet, packet[0])
    at = 2 + len(topic.encode())
    assert body[2:at] == topic.encode()
    return body[at : at + 2]


@given(st.integers(0, (1 << 28) - 1))
def test_variable_numbers(number: int) -> None:
    """[MQTT5-1.5.5-1]"""
    raw = properties.varint(number)
    assert len(raw) == max(1, (number.bit_length() + 6) // 7)
    assert properties.length(raw, 0, len(raw)) == (number, len(raw))


@given(of_messages)
def test_properties(given_properties: dict[str, Any]) -> None:
    raw = properties.encode(given_properties, 0x30)
    size, at = properties.length(raw, 0, len(raw))
    assert at + size == len(raw)
    assert properties.decode(raw, at, len(raw), 0x30) == given_properties


@given(of_messages, st.data())
def test_damaged_properties_are_an_error_or_other_properties(
    given_properties: dict[str, Any], data: st.DataObject
) -> None:
    raw = bytearray(properties.encode(given_properties, 0x30))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        size, at = properties.length(raw, 0, len(raw))
        if at + size <= len(raw):
            assert isinstance(properties.decode(raw, at, at + size, 0x30), dict)
    except base.ProtocolError:
        pass


def fields(body: bytes) -> list[bytes]:
    """Every field of a body that is nothing but fields with a length of two bytes."""
    found = []
    while body:
        size = int.from_bytes(body[:2], "big")
        assert len(body) >= 2 + size
        found.append(body[2 : 2 + size])
        body = body[2 + size :]
    return found


def body_of(packet: bytes, first: int) -> bytes:
    """The body of an encoded packet, by a reading of its length that is not the client's own."""
    assert packet[0] == first
    size = at = 0
    while True:
        size |= (packet[1 + at] & 127) << 7 * at
        at += 1
        if packet[at] < 128:
            break
    assert len(packet) == 1 + at + size
    return packet[1 + at :]


@given(
    client_id=st.just("") | texts, user=st.none() | texts, password=st.none() | st.binary(),
    will=st.none() | st.tuples(texts, st.binary(max_size=300), st.integers(0, 2), st.booleans()),
    keepalive=st.integers(0, 65535), clean=st.booleans(), version=st.sampled_from([3, 4]),
)  # fmt: skip
def test_connect(
    client_id: str, user: str | None, password: bytes | None, will: Any, keepalive: int,
    clean: bool, version: int,
) -> None:  # fmt: skip
    if user is None:
        password = None
    core, written = made(
        client_id, user=user, password=password, will=will, keepalive=keepalive, version=version,
    )  # fmt: skip
    core.clean = clean
    connects.connect(core, 0)
    core.send()
    body = body_of(b"".join(written), 0x10)
    name = b"MQIsdp" if version == 3 else b"MQTT"
    assert body.startswith(bytes((0, len(name))) + name + bytes((version,)))
    body = body[3 + len(name) :]
    flags = clean << 1 | (user is not None) << 7 | (password is not None) << 6
    expected = [client_id.encode()]
    if will:
        flags |= 4 | will[2] << 3 | will[3] << 5
        expected += [will[0].encode(), will[1]]
    expected += [] if user is None else [user.encode()]
    expected += [] if password is None else [password]
    assert body[0] == flags
    assert int.from_bytes(body[1:3], "big") == keepalive
    assert fields(body[3:]) == expected


@given(st.dictionaries(texts, st.integers(0, 2), min_size=1, max_size=6), st.booleans())
def test_subscribe_and_unsubscribe(filters: dict[str, int], give_up: bool) -> None:
    core, written = made()
    for pattern, qos in filters.items():
        subscribes.want(core, pattern, None if give_up else qos)
    asked: dict[str, int | None] = {}
    while core.untold:
        core.send()
        body = body_of(written.pop(), 0xA2 if give_up else 0x82)
        assert body[:2] == b"\xff\xff"
        body = body[2:]
        count = 0
        while body:
            size = int.from_bytes(body[:2], "big")
            asked[body[2 : 2 + size].decode()] = None if give_up else body[2 + size]
            body = body[2 + size + (not give_up) :]
            count += 1
        suback = b"\x90" + bytes((count + 2,)) + b"\xff\xff" + bytes(count)
        core.stream.unread = b"\xb0\x02\xff\xff" if give_up else suback
        while core.stream.unread:
            core.receive()
    assert not written
    assert asked == (dict.fromkeys(filters) if give_up else filters)
