"""Every packet's form: fixed headers, identifiers, text, topics and filters."""

from __future__ import annotations

import pytest

from host_tests.conformance.conftest import Client
from host_tests.conformance.far import FarEnd
from host_tests.conformance.wire import (
    DISCONNECT,
    PINGREQ,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    UNSUBSCRIBE,
    filters,
    packet,
)
from host_tests.interop.device import CLIENTS


def test_reserved_flags_are_as_they_must_be(client: Client, far: FarEnd) -> None:
    """[MQTT-2.2.2-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1]"""
    client.up("d")
    for qos in (0, 1, 2):
        client.publish("t", "x", qos)
        far.send(far.publish(b"d", b"x", qos, 7 + qos))
    client.receive(3)
    client.unsubscribe("d")
    client.close()
    far.wait_end()
    flags = {each.kind: each.flags for each in far.packets if each.kind != PUBLISH}
    for kind in (PUBACK, PUBREC, PUBCOMP):
        assert flags.pop(kind) == 0
    for kind in (PUBREL, SUBSCRIBE, UNSUBSCRIBE):
        assert flags.pop(kind) == 2
    assert flags == {0x10: 0, DISCONNECT: 0}


@pytest.mark.parametrize(
    "raw",
    [
        b"\x41\x02\x00\x01", b"\x51\x02\x00\x01", b"\x60\x02\x00\x01", b"\x72\x02\x00\x01",
        b"\x91\x03\x00\x01\x00", b"\xb1\x02\x00\x01", b"\xd1\x00", b"\x21\x02\x00\x00",
        b"\x82\x06\x00\x01\x00\x01t\x00", b"\xa2\x05\x00\x01\x00\x01t", b"\xc0\x00", b"\xe0\x00",
        b"\xf0\x00", b"\x00\x00", b"\x10\x00", b"\xd0\x01\x00", b"\x40\x01\x00", b"\x40\x00",
        b"\x30\x80\x80\x80\x80\x01",
    ],
    ids=bytes.hex,
)  # fmt: skip
def test_what_a_broker_may_not_send_ends_the_connection(
    client: Client, far: FarEnd, raw: bytes
) -> None:
    """[MQTT-2.2.2-2], [MQTT-4.8.0-1]"""
    client.up("d")
    far.send(raw)
    client.pump_until_end()


def test_identifiers_of_qos_1_and_2_alone(client: Client, far: FarEnd) -> None:
    """[MQTT-2.3.1-1], [MQTT-2.3.1-5], [MQTT-3.3.1-2], [MQTT-3.3.2-1], [MQTT-4.3.1-1]"""
    client.up()
    client.publish("some/topic", "zero", 0)
    client.publish("some/topic", "one", 1)
    client.publish("some/topic", "two", 2)
    zero, one, two = far.wait(PUBLISH, 3)
    assert zero.raw[0] == 0x30 and zero.body == b"\x00\x0asome/topiczero"
    assert [each.topic for each in (one, two)] == [b"some/topic"] * 2
    assert [each.payload for each in (one, two)] == [b"one", b"two"]
    assert one.pid and two.pid and one.pid != two.pid


def test_answers_have_the_identifier_of_what_they_answer(client: Client, far: FarEnd) -> None:
    """[MQTT-2.3.1-6], [MQTT-3.3.4-1], [MQTT-4.6.0-2], [MQTT-4.6.0-3]: and come in its order"""
    client.up("d")
    far.send(far.publish(b"d", b"0", 0))
    for number in (9, 3, 700):
        far.send(far.publish(b"d", b"1", 1, number))
        far.send(far.publish(b"d", b"2", 2, number + 1))
    client.receive(7)
    if client.kind == "blocking":
        while len(far.of_kind(PUBCOMP)) < 3:
            client.pump()
    assert [each.pid for each in far.wait(PUBACK, 3)] == [9, 3, 700]
    assert [each.pid for each in far.wait(PUBREC, 3)] == [10, 4, 701]
    assert [each.pid for each in far.wait(PUBCOMP, 3)] == [10, 4, 701]
    client.publish("t", "x", 2)
    assert far.wait(PUBREL)[0].pid == far.wait(PUBLISH)[0].pid


# What a broker may not send, and the reason code with which MQTT 5 wants it answered (4.13.1).
WRONG = {
    b"\x41\x02\x00\x01": 0x81,  # flags that are reserved
    b"\x00\x00": 0x81,
    b"\x30\x80\x80\x80\x80\x01": 0x81,  # a length of five bytes
    b"\x30\x04\xff\xfft\x00": 0x81,  # a topic longer than its packet
    b"\x30\x05\x00\x02\xff\xfe\x00": 0x81,  # a topic that is not UTF-8
    b"\x30\x04\x00\x01\x00\x00": 0x81,  # U+0000
    b"\x36\x06\x00\x01t\x00\x01\x00": 0x81,  # QoS 3
    b"\x30\x06\x00\x01t\x02\x11\x00": 0x81,  # a property that PUBLISH does not have
    b"\x30\x07\x00\x01t\x03\x23\x00\x01": 0x94,  # a topic alias, and none was allowed
    b"\x20\x03\x00\x00\x00": 0x82,  # a second CONNACK
    b"\xc0\x00": 0x82,  # PINGREQ is ours to send
    b"\x32\x06\x00\x01t\x00\x00\x00": 0x82,  # identifier 0
    b"\x32\x84\x08\x00\x01t\x00\x00\x00" + bytes(1022): 0x82,  # and in a large one
    b"\x40\x80\x80\x80\x80\x01": 0x81,  # a length of five bytes, of a packet that may come
    b"\x30\x04\x00\x01#\x00": 0x82,  # wildcards are for filters
    b"\x30\x08\x00\x01t\x04\x01\x00\x01\x00": 0x82,  # a property twice
    b"\xe0\x02\x00\x05": 0x81,  # properties that are not there
    b"\xf0\x00": 0x82,  # AUTH, and no method was given
}


@pytest.mark.parametrize("raw", WRONG, ids=lambda raw: raw[:8].hex())
@pytest.mark.parametrize("kind", CLIENTS)
def test_what_is_wrong_is_told_before_the_connection_ends(
    far: FarEnd, kind: str, raw: bytes
) -> None:
    """In MQTT 5, by DISCONNECT with its reason; nothing follows."""
    far.version = 5
    with Client(kind, far) as client:
        client.up("#")
        far.send(raw)
        client.pump_until_end()
        far.wait_end(0)
        assert far.meetings[0].packets[-1].raw == bytes((DISCONNECT, 2, WRONG[raw], 0))


def test_a_packet_that_is_too_large_is_told_as_such(far: FarEnd) -> None:
    far.version = 5
    with Client("asyncio", far) as client:
        client.up("d")
        far.send(packet(0x90, bytes(1000)))
        client.pump_until_end()
        far.wait_end(0)
        assert far.meetings[0].packets[-1].raw == bytes((DISCONNECT, 2, 0x95, 0))


BAD_TOPICS = [b"\xc3\x28", b"\xed\xa0\x80", b"\xff", b"\xc0\x80", b"\xf4\x90\x80\x80"]


@pytest.mark.parametrize("topic", BAD_TOPICS, ids=bytes.hex)
def test_ill_formed_text_is_not_taken(client: Client, far: FarEnd, topic: bytes) -> None:
    """[MQTT-1.5.3-1]"""
    client.up("#")
    far.send(far.publish(topic))
    client.pump_until_end()
    assert not client.got()


def test_ill_formed_text_is_not_sent(client: Client, far: FarEnd) -> None:
    """[MQTT-1.5.3-1], [MQTT-3.8.3-1], [MQTT-3.10.3-1]"""
    client.up()
    error = client.try_publish("\ud800")
    assert error and error.name == "ValueError"
    for call in (client.subscribe, client.unsubscribe):
        assert client.failure(call, "\ud800") == "ValueError"
    client.publish("after", "", 1)
    assert [each.kind for each in far.packets] == [0x10, PUBLISH]


@pytest.mark.parametrize("topic", [b"a\0b", b"\0", b"+", b"a/#", b""], ids=bytes.hex)
def test_topics_that_are_none_are_not_taken(client: Client, far: FarEnd, topic: bytes) -> None:
    """[MQTT-1.5.3-2], [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-3.3.2-2]"""
    client.up("#")
    far.send(far.publish(topic))
    client.pump_until_end()
    assert not client.got()


@pytest.mark.parametrize("topic", ["a\0b", "a/+", "#", "", "x" * 65_536, "ä" * 32_768])
def test_topics_that_are_none_are_not_published(client: Client, far: FarEnd, topic: str) -> None:
    """[MQTT-1.5.3-2], [MQTT-3.3.2-2], [MQTT-4.7.1-1], [MQTT-4.7.3-1], [MQTT-4.7.3-2],
    [MQTT-4.7.3-3]"""
    client.up()
    for qos in (0, 1):
        error = client.try_publish(topic, qos=qos)
        assert error and error.name == "ValueError"
    client.publish("after", "", 1)
    assert [each.kind for each in far.packets] == [0x10, PUBLISH]


def test_a_byte_order_mark_is_text_like_any_other(client: Client, far: FarEnd) -> None:
    """[MQTT-1.5.3-3]"""
    topic = "\ufefft"
    client.up("#")
    far.send(far.publish(topic.encode(), b"x"))
    assert client.receive(1)[0][0] == topic
    client.publish(topic, "x", 1)
    assert far.wait(PUBLISH)[0].topic == topic.encode()


BAD_FILTERS = ["a/#/b", "a#", "a+/b", "+a", "#/a", "", "a\0", "ä" * 32_768]


@pytest.mark.parametrize("bad", BAD_FILTERS)
def test_filters_that_are_none_are_refused(client: Client, far: FarEnd, bad: str) -> None:
    """[MQTT-4.7.1-2], [MQTT-4.7.1-3], [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.3-3]"""
    client.up()
    assert client.failure(client.subscribe, bad) == "ValueError"
    assert client.failure(client.subscribe, [["good", 0], [bad, 0]]) == "ValueError"
    assert client.failure(client.unsubscribe, bad) == "ValueError"
    client.publish("after", "", 1)
    assert not far.of_kind(SUBSCRIBE) + far.of_kind(UNSUBSCRIBE)


def test_subscribe_and_unsubscribe_name_filters(client: Client, far: FarEnd) -> None:
    """[MQTT-3.8.1-1], [MQTT-3.8.3-1], [MQTT-3.8.3-4], [MQTT-3.10.1-1], [MQTT-3.10.3-1]"""
    client.up()
    wanted = [("ä/+", 0), ("b/#", 1), ("+/c", 2)]
    client.subscribe(wanted)
    client.unsubscribe([name for name, _ in wanted])
    (subscribe,) = far.wait(SUBSCRIBE)
    (unsubscribe,) = far.wait(UNSUBSCRIBE)
    assert subscribe.raw[0] == 0x82 and unsubscribe.raw[0] == 0xA2
    assert filters(subscribe) == [(name.encode(), qos) for name, qos in wanted]
    assert [name for name, _ in filters(unsubscribe)] == [name.encode() for name, _ in wanted]


def test_at_least_one_filter(client: Client, far: FarEnd) -> None:
    """[MQTT-3.8.3-3], [MQTT-3.10.3-2]"""
    client.up()
    assert client.failure(client.subscribe, []) == "ValueError"
    assert client.failure(client.unsubscribe, []) == "ValueError"


@pytest.mark.parametrize("qos", [3, -1, 4])
def test_no_qos_but_0_1_and_2(client: Client, far: FarEnd, qos: int) -> None:
    """[MQTT-3.3.1-4], [MQTT-3.8.3-4]"""
    client.up()
    error = client.try_publish("t", qos=qos)
    assert error and error.name == "ValueError"
    if not (far.version == 5 and qos == 4):  # that is "no local"
        assert client.failure(client.subscribe, [["t", qos]]) == "ValueError"
    client.publish("after", "", 1)
    assert [each.kind for each in far.packets] == [0x10, PUBLISH]


def test_qos_3_is_not_taken(client: Client, far: FarEnd) -> None:
    """[MQTT-3.3.1-4]"""
    client.up("#")
    far.send(packet(0x36, b"\0\x01t\0\x01\0"))
    client.pump_until_end()
    assert not client.got()


def test_segments_of_one_byte(client: Client, far: FarEnd) -> None:
    """[MQTT-7.0.0-2], [MQTT-7.1.2-1]: the stream is one of bytes; against brokers: make interop"""
    client.up("d")
    for byte in far.publish(b"d", b"slowly", 1, 5) + far.publish(b"d", b"again", 0):
        far.send(bytes((byte,)))
    got = [payload for _, payload, _ in client.receive(2)]
    assert got == ["slowly", "again"]
    assert far.wait(PUBACK)[0].pid == 5


def test_many_packets_in_one_segment(client: Client, far: FarEnd) -> None:
    client.up("d")
    words = [f"{number}" for number in range(60)]
    far.send(b"".join(far.publish(b"d", word.encode(), 1, 1 + int(word)) for word in words))
    assert [payload for _, payload, _ in client.receive(60)] == words
    assert [each.pid for each in far.wait(PUBACK, 60)] == list(range(1, 61))


def test_no_pingreq_while_there_is_traffic_is_needed(client: Client, far: FarEnd) -> None:
    client.up(keepalive=60)
    client.publish("t", "x", 1)
    client.close()
    far.wait_end()
    assert not far.of_kind(PINGREQ)
