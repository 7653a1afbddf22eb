"""What one end encodes, the other reads back: packets in any segments, properties, lengths."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

stub: Any = importlib.import_module("micropython")
packets: Any = importlib.import_module("mqtt.packet")
incomings: Any = importlib.import_module("mqtt.incoming")
wire5: Any = importlib.import_module("mqtt.wire5")
properties: Any = importlib.import_module("mqtt.properties")
connects: Any = importlib.import_module("mqtt.connect")
subscribes: Any = importlib.import_module("mqtt.subscribe")
sessions: Any = importlib.import_module("mqtt.session")
outboxes: Any = importlib.import_module("mqtt.outbox")

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


def encoded(packet: Any) -> bytes:
    return bytes(packet.tx[packet.start : packet.stop]) + bytes(packet.tail or b"")


def through(incoming: Any, data: bytes, steps: list[int]) -> Any:
    """Feed the bytes in such segments; returns the first byte of the packet they make."""
    found = 0
    at = turn = 0
    while at < len(data):
        n = min(steps[turn % len(steps)], incoming.need, len(data) - at)
        turn += 1
        incoming.into[:n] = data[at : at + n]
        incoming.held += n
        at += n
        found = incoming.packet(0)
        assert bool(found) == (at == len(data)), "found too early, or not at all"
    return found


def check_message(incoming: Any, first: int, topic: str, payload: bytes, pid: int) -> None:
    assert incoming.pid == pid
    if incoming.large:
        large = incoming.large
        large.close()
        if large.sink:
            assert (large.topic.decode(), large.payload) == (topic, payload)
    else:
        assert incoming.topic().decode() == topic
        assert incoming.payload() == payload


@pytest.mark.parametrize("version", [4, 5])
@given(
    topic=texts, payload=payloads, qos=st.integers(0, 2), retain=st.booleans(),
    pid=st.integers(1, 65535), steps=sizes, given_properties=of_messages,
)  # fmt: skip
def test_publish(
    version: int, topic: str, payload: bytes, qos: int, retain: bool, pid: int, steps: list[int],
    given_properties: dict[str, Any],
) -> None:  # fmt: skip
    flags = qos << 1 | retain
    sink = Sink()
    body, marked = payload, flags
    if version == 5:
        packet = wire5.Packet5(stub.TextStream(), ROOM)
        packet.begin({}, 0)
        incoming = wire5.Incoming5(ROOM, lambda *_: sink)
        if given_properties:
            session = type("Session", (), {"version": 5})
            body = properties.joined(session, given_properties, payload)
            marked |= 16
    else:
        packet = packets.Packet(stub.TextStream(), ROOM)
        incoming = incomings.Incoming(ROOM, lambda *_: sink)
    packet.publish(topic, body, marked, pid if qos else 0)
    first = through(incoming, encoded(packet), steps)
    assert first & 0xFF == 0x30 | flags
    if first < 0x100:
        incoming.opened(first, incoming.end)
    check_message(incoming, first, topic, payload, pid if qos else 0)
    if version == 5 and first < 0x100:
        assert incoming.properties == given_properties


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
    except packets.ProtocolError:
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


def session(**options: Any) -> Any:
    return sessions.Session(stub.TextStream(), outboxes.Outbox(4), **options)


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
    made = session(
        client_id=client_id, user=user, password=password, will=will, keepalive=keepalive,
        clean=clean, version=version,
    )  # fmt: skip
    made.connect(0)
    body = body_of(encoded(made.packet), 0x10)
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
    made = session(client_id="id", buffer=512)
    for pattern, qos in filters.items():
        subscribes.want(made, pattern, None if give_up else qos)
    asked: dict[str, int | None] = {}
    while made.untold:
        subscribes.ask(made)
        made.asked.clear()
        body = body_of(encoded(made.packet), 0xA2 if give_up else 0x82)
        assert body[:2] == b"\xff\xff"
        body = body[2:]
        while body:
            size = int.from_bytes(body[:2], "big")
            pattern = body[2 : 2 + size].decode()
            asked[pattern] = None if give_up else body[2 + size]
            body = body[2 + size + (not give_up) :]
    assert asked == (dict.fromkeys(filters) if give_up else filters)
