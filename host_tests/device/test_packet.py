# heap: 512K
"""Control packets, byte by byte as MQTT 3.1.1 draws them."""

import gc
import io

from wire import raises

from mqtt import packet


def written(out, start):
    end = out.tell()
    out.seek(start)
    return out.read(end - start)


def encoded(first, *fields):
    out = io.BytesIO(64)
    return written(out, packet.encode(out, first, fields))


def test_fixed_header_alone():
    assert encoded(0xC0) == b"\xc0\x00"  # PINGREQ
    assert encoded(0xE0) == b"\xe0\x00"  # DISCONNECT [MQTT-3.14.1-1]


def test_text_is_preceded_by_its_length_in_bytes():
    # [MQTT-3.1.3-11]: three characters, six bytes
    assert encoded(0x82, 0, 7, "a/\u20ac", 1) == b"\x82\x0a\x00\x07\x00\x05a/\xe2\x82\xac\x01"


def test_publish_qos0_has_no_identifier():
    # [MQTT-2.3.1-5]
    out = io.BytesIO(64)
    start = packet.publish(out, "t/1", 99, 1, 2)
    assert written(out, start) == b"\x31\x07\x00\x03t/1"


def test_publish_qos1_carries_its_identifier():
    out = io.BytesIO(64)
    start = packet.publish(out, b"t/1", 0x1234, 2, 3)
    assert written(out, start) == b"\x32\x0a\x00\x03t/1\x12\x34"


def test_remaining_length_at_each_boundary():
    # MQTT 2.2.3, table 2.4; 3 bytes of the length are the topic "t"
    for size, header in (
        (127, b"\x30\x7f"),
        (128, b"\x30\x80\x01"),
        (16383, b"\x30\xff\x7f"),
        (16384, b"\x30\x80\x80\x01"),
        (2097151, b"\x30\xff\xff\x7f"),
        (2097152, b"\x30\x80\x80\x80\x01"),
        (268435455, b"\x30\xff\xff\xff\x7f"),
    ):
        out = io.BytesIO(64)
        start = packet.publish(out, "t", 0, 0, size - 3)
        assert written(out, start) == header + b"\x00\x01t", size


def test_a_packet_that_mqtt_cannot_carry_is_refused():
    out = io.BytesIO(64)
    assert "268435455" in str(raises(ValueError, packet.publish, out, "t", 0, 0, 268435453))


def test_a_field_of_more_than_65535_bytes_is_refused():
    out = io.BytesIO(64)
    assert "65536" in str(raises(ValueError, packet.encode, out, 0x82, ["x" * 65536]))


def test_a_shorter_packet_after_a_longer_one():
    out = io.BytesIO(64)
    packet.encode(out, 0x82, ("a long filter", 1))
    assert written(out, packet.encode(out, 0xC0, ())) == b"\xc0\x00"


def test_publish_allocates_nothing():
    out = io.BytesIO(256)
    payload = b"x" * 64
    packet.publish(out, "petrel/node/light", 7, 2, len(payload))
    out.write(payload)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(20):
        packet.publish(out, "petrel/node/light", 7, 2, 64)
        out.write(payload)
    after = gc.mem_alloc()
    gc.enable()
    assert after == before, after - before
