# heap: 96K
"""The session against MQTT 3.1.1, with literal bytes and a clock in the test's hand."""

from wire import CONNACK, CONNACK_PRESENT, Wire, raises

from mqtt.engine.base import LinkError, ProtocolError, Refused
from mqtt.engine.subscribe import want


def test_connect_is_first_and_says_who_we_are():
    # [MQTT-3.1.0-1], [MQTT-3.1.3-1]
    sent, after = Wire(keepalive=300).connect()
    assert sent == b"\x10\x0e\x00\x04MQTT\x04\x02\x01\x2c\x00\x02id"
    assert after == []


def test_connect_with_will_user_and_password():
    # [MQTT-3.1.2-18] to [MQTT-3.1.2-22], [MQTT-3.1.2-9]
    wire = Wire(user="u", password="pw", will=("w", "gone", 1, True), clean=False, keepalive=10)
    sent, _ = wire.connect()
    assert sent[:12] == b"\x10\x1e\x00\x04MQTT\x04\xec\x00\x0a"
    assert sent[12:] == b"\x00\x02id\x00\x01w\x00\x04gone\x00\x01u\x00\x02pw"


def test_refusal_carries_code_and_words():
    wire = Wire()
    wire.open()
    error = raises(Refused, wire.feed, b"\x20\x02\x00\x05")
    assert error.code == 5
    assert "not authorized" in str(error)


def test_message_goes_out_once_and_is_done_with_its_puback():
    wire = Wire()
    wire.connect()
    number = wire.post("t", b"hi")
    assert wire.sent() == [b"\x32\x07\x00\x01t" + pid(wire, 0) + b"hi"]
    assert wire.sent() == []
    assert wire.outbox.removed <= number
    wire.feed(b"\x40\x02" + pid(wire, 0))
    assert wire.outbox.removed > number
    assert wire.outbox.count == 0


def pid(wire, index):
    """The identifier that the session gives the message at this place of the outbox."""
    number = (wire.outbox.removed + index) % 65534 + 1
    assert 0 < number < 65535
    return bytes((number >> 8, number & 255))


def test_wrong_and_repeated_puback_are_counted_and_harmless():
    # [MQTT-4.3.2-1]: not done until its own PUBACK
    wire = Wire()
    wire.connect()
    wire.post("t", b"hi")
    (packet,) = wire.sent()
    wire.feed(b"\x40\x02\x77\x77")
    assert wire.outbox.count == 1
    wire.feed(b"\x40\x02" + packet[5:7])
    wire.feed(b"\x40\x02" + packet[5:7])
    assert wire.outbox.count == 0
    assert wire.session.strays == 2


def test_window_limits_what_is_in_flight():
    wire = Wire(queue=8, window=3)
    wire.connect()
    for i in range(5):
        wire.post("t", b"%d" % i)
    first = wire.sent()
    assert [p[-1:] for p in first] == [b"0", b"1", b"2"]
    wire.feed(b"\x40\x02" + first[0][5:7])
    assert [p[-1:] for p in wire.sent()] == [b"3"]


def test_puback_out_of_order_frees_nothing_before_its_turn():
    wire = Wire(window=3)
    wire.connect()
    for i in range(3):
        wire.post("t", b"%d" % i)
    first = wire.sent()
    wire.feed(b"\x40\x02" + first[1][5:7])
    assert wire.outbox.count == 3
    wire.feed(b"\x40\x02" + first[0][5:7])
    assert wire.outbox.count == 1
    # The one that was acknowledged early is not sent again on the next connection.
    _, again = wire.connect(CONNACK_PRESENT)
    assert [p[-1:] for p in again] == [b"2"]


def test_present_session_resends_in_order_with_dup_and_the_same_identifiers():
    # [MQTT-4.4.0-1], [MQTT-4.6.0-1], [MQTT-3.3.1-1], [MQTT-2.3.1-3]
    wire = Wire(clean=False)
    wire.connect()
    for i in range(3):
        wire.post("t", b"%d" % i)
    first = wire.sent()
    wire.feed(b"\x40\x02" + first[0][5:7])
    _, again = wire.connect(CONNACK_PRESENT)
    assert again == [b"\x3a" + packet[1:] for packet in first[1:]]


def test_lost_session_resends_as_new():
    # [MQTT-3.1.2-6]
    wire = Wire()
    wire.connect()
    wire.post("t", b"hi")
    wire.sent()
    _, again = wire.connect(CONNACK)
    assert len(again) == 1
    assert again[0][:1] == b"\x32"
    assert again[0][-2:] == b"hi"


def test_puback_lost_is_retried_with_dup_on_the_same_connection():
    wire = Wire(keepalive=0)
    wire.connect()
    wire.post("t", b"hi")
    (first,) = wire.sent()
    assert wire.later(3000) == []
    assert wire.later(2000) == [b"\x3a" + first[1:]]


def test_no_puback_at_all_ends_the_connection():
    wire = Wire(keepalive=0)
    wire.connect()
    wire.post("t", b"hi")
    wire.sent()
    assert "PUBACK" in str(raises(LinkError, wire.later, 20_000))


def test_identifiers_wrap_without_zero_and_without_a_clash():
    # [MQTT-2.3.1-1], [MQTT-2.3.1-2]; window full of unacknowledged messages at the wrap
    wire = Wire(queue=4, window=4)
    wire.connect()
    wire.outbox.removed = 65533 - 2
    for _ in range(4):
        wire.post("t", b"")
    seen = [packet[5:7] for packet in wire.sent()]
    assert len(set(seen)) == 4
    assert b"\x00\x00" not in seen
    assert b"\xff\xff" not in seen  # kept for SUBSCRIBE


def test_keepalive_sends_pingreq_when_quiet():
    # [MQTT-3.1.2-23]
    wire = Wire(keepalive=10)
    wire.connect()
    assert wire.later(7000) == []
    assert wire.later(1000) == [b"\xc0\x00"]
    wire.feed(b"\xd0\x00")
    assert wire.later(7000) == []


def test_keepalive_pings_although_we_only_receive():
    wire = Wire(keepalive=10)
    wire.connect()
    sent = []
    for _ in range(10):
        sent += wire.later(1000)
        wire.feed(b"\x30\x04\x00\x01tx")
    assert sent == [b"\xc0\x00"]


def test_no_pingresp_ends_the_connection():
    wire = Wire(keepalive=10)
    wire.connect()
    wire.later(8000)
    assert "PINGRESP" in str(raises(LinkError, wire.later, 5000))


def test_no_connack_ends_the_connection():
    wire = Wire()
    wire.open()
    assert "CONNACK" in str(raises(LinkError, wire.later, 11_000))


def test_deadlines_hold_where_ticks_wrap():
    wire = Wire(keepalive=10)
    wire.now = (1 << 30) - 3000  # ticks_diff of both builds sees a straight line here
    wire.connect()
    wire.now += 8000
    wire.now &= (1 << 30) - 1 if is_32_bit() else -1
    wire.session.tick(wire.now)
    assert wire.sent() == [b"\xc0\x00"]


def is_32_bit():
    import sys

    return sys.maxsize == 0x7FFFFFFF


def test_subscribe_is_answered_and_made_again_when_the_session_is_lost():
    wire = Wire()
    want(wire.session, "a/#", 1)
    assert wire.session.untold
    _, after = wire.connect()
    assert after == [b"\x82\x08\xff\xff\x00\x03a/#\x01"]  # [MQTT-3.8.1-1]
    wire.feed(b"\x90\x03\xff\xff\x01")
    assert not wire.session.untold
    _, after = wire.connect(CONNACK_PRESENT)
    assert after == []
    _, after = wire.connect(CONNACK)
    assert after == [b"\x82\x08\xff\xff\x00\x03a/#\x01"]


def test_subscribe_cut_before_its_suback_is_sent_again():
    wire = Wire(clean=False)
    wire.connect()
    want(wire.session, "a", 0)
    assert len(wire.sent()) == 1
    _, after = wire.connect(CONNACK_PRESENT)
    assert after == [b"\x82\x06\xff\xff\x00\x01a\x00"]


def test_rejected_filter_is_named_and_asked_for_again_in_the_next_session():
    wire = Wire()
    want(wire.session, "a", 1)
    wire.connect()
    wire.feed(b"\x90\x03\xff\xff\x80")
    assert wire.session.rejected == ["a"]
    _, after = wire.connect()
    assert after == [b"\x82\x06\xff\xff\x00\x01a\x01"]
    wire.feed(b"\x90\x03\xff\xff\x01")
    assert wire.session.rejected == []


def test_unsubscribe():
    wire = Wire()
    want(wire.session, "a", 1)
    wire.connect()
    wire.feed(b"\x90\x03\xff\xff\x01")
    want(wire.session, "a", None)
    assert wire.sent() == [b"\xa2\x05\xff\xff\x00\x01a"]  # [MQTT-3.10.1-1]
    wire.feed(b"\xb0\x02\xff\xff")
    assert not wire.session.untold
    _, after = wire.connect()
    assert after == []


def test_no_suback_ends_the_connection():
    wire = Wire(keepalive=0)
    want(wire.session, "a", 1)
    wire.connect()
    assert "SUBACK" in str(raises(LinkError, wire.later, 5000))


def test_inbound_qos1_is_delivered_then_acknowledged():
    # [MQTT-3.3.4-1], [MQTT-4.3.2-2]: the same identifier afterwards is a new message
    wire = Wire()
    wire.connect()
    publish = b"\x32\x07\x00\x01t\x00\x09hi"
    for _ in range(2):
        assert wire.feed(publish) == [("t", b"hi")]
        assert wire.sent() == [b"\x40\x02\x00\x09"]


def test_inbound_identifier_may_equal_one_of_ours():
    wire = Wire()
    wire.connect()
    wire.post("t", b"out")
    (ours,) = wire.sent()
    assert wire.feed(b"\x32\x07\x00\x01t" + ours[5:7] + b"in") == [("t", b"in")]
    assert wire.sent() == [b"\x40\x02" + ours[5:7]]
    assert wire.outbox.count == 1


def test_any_split_of_the_stream_gives_the_same_packets():
    stream = CONNACK + b"\x30\x05\x00\x01abc" + b"\xd0\x00" + b"\x32\x07\x00\x01t\x00\x09hi"
    for step in (0, 1, 2, 3, 5):
        wire = Wire()
        wire.open()
        got = wire.feed(stream, step)
        assert got == [("a", b"bc"), ("t", b"hi")], (step, got)
        assert wire.session.up and wire.sent()[-1] == b"\x40\x02\x00\x09"


def test_a_message_larger_than_the_buffer_is_skipped_acknowledged_and_counted():
    wire = Wire(buffer=16)
    wire.connect()
    large = b"\x32\x85\x01\x00\x01t\x00\x09" + b"x" * 128
    for step in (0, 1, 7):
        assert wire.feed(large + b"\x30\x05\x00\x01abc", step) == [("a", b"bc")]
        assert wire.sent() == [b"\x40\x02\x00\x09"]
    assert wire.session.skipped == 3


def test_half_a_packet_ends_the_connection_in_time():
    wire = Wire(keepalive=0)
    wire.connect()
    wire.feed(b"\x30\x05\x00\x01a")
    assert "rest" in str(raises(LinkError, wire.later, 5000))


def test_what_mqtt_forbids_is_a_protocol_error():
    for bad in (
        b"\x30\xff\xff\xff\xff\x01",  # remaining length of five bytes
        b"\x41\x02\x00\x01",  # PUBACK with flags [MQTT-2.2.2-2]
        b"\x91\x03\xff\xff\x00",
        b"\xd1\x00",
        b"\x36\x05\x00\x01t\x00\x01",  # QoS 3 [MQTT-3.3.1-4]
        b"\x30\x00",  # no topic
        b"\x30\x04\x00\x09tx",  # topic longer than the packet
        b"\x32\x04\x00\x01tx",  # no room for the identifier
        b"\x32\x05\x00\x01t\x00\x00",  # identifier 0
        b"\x30\x04\x00\x02\xc3\x28",  # not UTF-8 [MQTT-1.5.3-1]
        b"\x40\x03\x00\x01\x00",  # PUBACK too long
        b"\x20\x02\x00\x00",  # second CONNACK
        b"\x10\x00",  # what only a client sends
        b"\x00\x00",
        b"\xf0\x00",
    ):
        wire = Wire()
        wire.connect()
        try:
            wire.feed(bad)
            raise AssertionError(bad)
        except ProtocolError:
            pass


def test_nothing_may_come_before_the_connack():
    wire = Wire()
    wire.open()
    raises(ProtocolError, wire.feed, b"\x30\x05\x00\x01abc")


def test_nothing_is_sent_while_not_connected():
    wire = Wire()
    wire.post("t", b"hi")
    wire.session.send()
    wire.open()
    assert [packet[0] for packet in wire.sent()] == [0x10]
    assert wire.sent() == []


def test_several_filters_leave_in_one_packet():
    wire = Wire()
    want(wire.session, "a", 0)
    want(wire.session, "b/+", 2)
    _, after = wire.connect()
    assert after == [b"\x82\x0c\xff\xff\x00\x01a\x00\x00\x03b/+\x02"]
    wire.feed(b"\x90\x04\xff\xff\x00\x80")
    assert wire.session.rejected == ["b/+"]
    assert not wire.session.untold


def test_mqtt_3_1_greets_in_its_own_way():
    sent, _ = Wire(version=3, keepalive=0).connect()
    assert sent == b"\x10\x10\x00\x06MQIsdp\x03\x02\x00\x00\x00\x02id"


def test_a_filter_asked_for_again_and_again_is_held_once():
    wire = Wire(clean=False)
    for _ in range(5):
        wire.connect(CONNACK_PRESENT)
        want(wire.session, "f", 1)  # as a program does that subscribes whenever it is connected
        wire.sent()
    wire.session.hang_up()
    assert wire.session.untold == ["f"]


def test_a_filter_changed_while_it_is_asked_for_is_asked_for_again():
    wire = Wire()
    wire.connect()
    want(wire.session, "f", 1)
    assert len(wire.sent()) == 1
    want(wire.session, "f", 2)
    assert wire.sent() == []
    wire.feed(b"\x90\x03\xff\xff\x01")
    assert wire.sent() == [b"\x82\x06\xff\xff\x00\x01f\x02"]
    want(wire.session, "f", None)
    wire.feed(b"\x90\x03\xff\xff\x02")
    assert wire.sent() == [b"\xa2\x05\xff\xff\x00\x01f"]
    wire.feed(b"\xb0\x02\xff\xff")
    assert not wire.session.untold


def test_a_keep_alive_shorter_than_an_answer_may_take():
    # [MQTT-3.1.2-23]
    for keepalive in (1, 2, 5):
        wire = Wire(keepalive=keepalive)
        wire.connect()
        last = wire.now
        for _ in range(5):
            while not wire.sent():
                assert wire.now - last <= 1000 * keepalive, wire.now - last
                wire.now += max(1, wire.session.tick(wire.now))
            last = wire.now
            wire.now += 50
            wire.feed(b"\xd0\x00")
