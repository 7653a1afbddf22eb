# heap: 512K
"""Control packets, byte by byte as MQTT 3.1.1 draws them."""

import gc

from wire import raises

from mqtt.engine.core import Core


class Payload:
    """Stands for so many bytes of payload."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


def packet(room=64):
    return Core("id", 8, room, {})


def written(core):
    """The packet that is to leave, without its tail."""
    return bytes(core.tx[len(core.tx) - core.left :])


def test_fixed_header_alone():
    empty = packet()
    empty.pack(0xC0)
    assert written(empty) == b"\xc0\x00"  # PINGREQ
    empty.pack(0xE0)
    assert written(empty) == b"\xe0\x00"  # DISCONNECT [MQTT-3.14.1-1]


def test_an_identifier_alone():
    puback = packet()
    puback.pack(0x40, 0x1234)
    assert written(puback) == b"\x40\x02\x12\x34"


def test_text_is_preceded_by_its_length_in_bytes():
    # [MQTT-3.1.3-11]: three characters, six bytes
    subscribe = packet()
    subscribe.tx[5:] = b"\x00\x07"
    subscribe.field("a/\u20ac")
    subscribe.tx.append(1)
    subscribe.finish(0x82)
    assert written(subscribe) == b"\x82\x0a\x00\x07\x00\x05a/\xe2\x82\xac\x01"


def test_publish_qos0_has_no_identifier():
    # [MQTT-2.3.1-5]
    publish = packet()
    publish.encode("t/1", b"hi", 1)
    assert written(publish) == b"\x31\x07\x00\x03t/1hi"
    assert publish.tail is None


def test_publish_qos1_carries_its_identifier():
    publish = packet()
    publish.encode(b"t/1", b"abc", 2, 0x1234)
    assert written(publish) == b"\x32\x0a\x00\x03t/1\x12\x34abc"


def test_a_payload_that_does_not_fit_is_left_where_it_is():
    publish = packet(16)
    payload = b"x" * 20
    publish.encode("t", payload, 0)
    assert written(publish) == b"\x30\x17\x00\x01t"
    assert publish.tail is payload


def test_a_topic_that_does_not_fit_makes_room():
    publish = packet(16)
    publish.encode("t" * 200, b"hi", 0)
    assert written(publish) == b"\x30\xcc\x01\x00\xc8" + b"t" * 200
    assert publish.tail == b"hi"
    publish.encode("t", b"hi", 0)
    assert written(publish) == b"\x30\x05\x00\x01thi"


def test_remaining_length_at_each_boundary():
    # MQTT 2.2.3, table 2.4; 3 bytes of the length are the topic "t"
    publish = packet()
    for size, header in (
        (127, b"\x30\x7f"),
        (128, b"\x30\x80\x01"),
        (16383, b"\x30\xff\x7f"),
        (16384, b"\x30\x80\x80\x01"),
        (2097151, b"\x30\xff\xff\x7f"),
        (2097152, b"\x30\x80\x80\x80\x01"),
        (268435455, b"\x30\xff\xff\xff\x7f"),
    ):
        publish.encode("t", Payload(size - 3), 0)
        assert written(publish) == header + b"\x00\x01t", size


def test_a_packet_that_mqtt_cannot_carry_is_refused():
    error = raises(ValueError, packet().encode, "t", Payload(268435453), 0)
    assert "268435455" in str(error)


def test_a_shorter_packet_after_a_longer_one():
    one = packet()
    one.encode("a long topic", b"and a payload", 0)
    one.pack(0xC0)
    assert written(one) == b"\xc0\x00"


def test_publish_allocates_nothing():
    publish = packet(256)
    payload = b"x" * 64
    publish.encode("petrel/node/light", payload, 2, 7)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(20):
        publish.encode("petrel/node/light", payload, 2, 7)
    after = gc.mem_alloc()
    gc.enable()
    assert after == before, after - before
