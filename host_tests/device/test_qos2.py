"""QoS 2 in both directions, with literal bytes. MQTT 4.3.3"""

from wire import CONNACK, CONNACK_PRESENT, Wire


def test_qos2_is_published_released_and_done():
    # [MQTT-4.3.3-1]
    wire = Wire()
    wire.connect()
    wire.post("t", b"hi", 2)
    (publish,) = wire.sent()
    assert publish[0] == 0x34
    pid = publish[5:7]
    wire.feed(b"\x50\x02" + pid)
    assert wire.sent() == [b"\x62\x02" + pid]  # [MQTT-3.6.1-1]
    assert wire.outbox.count == 1
    wire.feed(b"\x70\x02" + pid)
    assert wire.sent() == []
    assert wire.outbox.count == 0


def test_qos2_cut_after_its_pubrec_is_released_again_and_never_published():
    wire = Wire(clean=False)
    wire.connect()
    wire.post("t", b"hi", 2)
    (publish,) = wire.sent()
    pid = publish[5:7]
    wire.feed(b"\x50\x02" + pid)
    wire.sent()
    _, after = wire.connect(CONNACK_PRESENT)
    assert after == [b"\x62\x02" + pid]


def test_qos2_cut_before_its_pubrec_is_published_again_with_dup():
    wire = Wire(clean=False)
    wire.connect()
    wire.post("t", b"hi", 2)
    (publish,) = wire.sent()
    _, after = wire.connect(CONNACK_PRESENT)
    assert after == [b"\x3c" + publish[1:]]


def test_qos2_that_a_lost_session_had_received_is_not_published_again():
    wire = Wire()
    wire.connect()
    wire.post("t", b"one", 2)
    wire.post("t", b"two", 2)
    first, _ = wire.sent()
    wire.feed(b"\x50\x02" + first[5:7])
    wire.sent()
    _, after = wire.connect(CONNACK)
    assert [packet[0] for packet in after] == [0x34]
    assert after[0].endswith(b"two")
    assert wire.outbox.count == 1


def test_a_pubcomp_for_what_was_not_received_is_a_stray_or_final():
    wire = Wire()
    wire.connect()
    wire.feed(b"\x50\x02\x00\x07" + b"\x70\x02\x00\x07")
    assert wire.session.strays == 2
    assert wire.sent() == []


def test_inbound_qos2_is_delivered_once():
    # [MQTT-4.3.3-2]
    wire = Wire()
    wire.connect()
    message = b"\x34\x06\x00\x01t\x00\x05x"
    for step in (0, 1):
        assert wire.feed(message, step) == [("t", b"x")]
        assert wire.sent() == [b"\x50\x02\x00\x05"]
        assert wire.feed(b"\x3c" + message[1:], step) == []
        assert wire.sent() == [b"\x50\x02\x00\x05"]
        wire.feed(b"\x62\x02\x00\x05", step)
        assert wire.sent() == [b"\x70\x02\x00\x05"]


def test_a_pubrel_without_its_publish_is_answered():
    wire = Wire()
    wire.connect()
    wire.feed(b"\x62\x02\x00\x09")
    assert wire.sent() == [b"\x70\x02\x00\x09"]


def test_a_qos1_puback_before_an_older_qos2_is_kept_for_its_turn():
    wire = Wire(clean=False)
    wire.connect()
    wire.post("t", b"two", 2)
    wire.post("t", b"one", 1)
    first, second = wire.sent()
    wire.feed(b"\x40\x02" + second[5:7])
    assert wire.outbox.count == 2
    _, after = wire.connect(CONNACK_PRESENT)
    assert [packet[0] for packet in after] == [0x3C]  # the acknowledged one is not sent again
    wire.feed(b"\x50\x02" + first[5:7] + b"\x70\x02" + first[5:7])
    assert wire.outbox.count == 0
