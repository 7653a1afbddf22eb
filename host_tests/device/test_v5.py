# heap: 512K
"""MQTT 5, byte by byte, with a clock in the test's hand."""

from far import CONNECT, PUBLISH, Broker, Clock, run
from wire import Wire, raises

from mqtt.auth import reauthenticate
from mqtt.engine.base import LinkError, ProtocolError, Refused
from mqtt.engine.reasons import raise_for
from mqtt.engine.subscribe import ask, granted
from mqtt.link import Link
from mqtt.properties import joined, varint
from mqtt.simple import MQTTClient
from mqtt.v5 import disconnect, options

CONNACK = b"\x20\x03\x00\x00\x00"
PRESENT = b"\x20\x03\x01\x00\x00"


def connack(properties, present=0, code=0):
    body = bytes((present, code, len(properties))) + properties
    return bytes((0x20, len(body))) + body


def up(properties=b"", **arguments):
    """A wire over version 5 whose broker has accepted it with those properties."""
    wire = Wire(version=5, **arguments)
    wire.connect(connack(properties))
    return wire


def published(packet, topic=b"t"):
    """The identifier of an encoded PUBLISH of QoS 1 or 2, and what follows it."""
    at = 4 + len(topic)
    return packet[at : at + 2], packet[at + 2 :]


def post(wire, payload=b"x", topic="t", qos=1, retain=0, properties=None):
    flags = qos << 1 | retain
    if properties:
        payload = joined(wire.session.version, properties, payload)
        flags |= 16
    return wire.outbox.put(topic, payload, flags)


def test_connect_carries_what_we_take_and_how_long_the_session_lives():
    sent, _ = Wire(version=5, keepalive=300, buffer=512).connect(CONNACK)
    assert sent[:12] == b"\x10\x17\x00\x04MQTT\x05\x02\x01\x2c"
    one, other = b"\x21\x00\x10", b"\x27\x00\x00\x02\x00"
    assert sent[12:] in (
        b"\x08" + one + other + b"\x00\x02id",
        b"\x08" + other + one + b"\x00\x02id",
    )


def test_a_persistent_session_never_expires_unless_told():
    assert b"\x11\xff\xff\xff\xff" in Wire(version=5, clean=False).connect(CONNACK)[0]
    assert b"\x11\x00\x00\x00\x3c" in Wire(version=5, clean=False, expiry=60).connect(CONNACK)[0]
    assert b"\x11\x00\x00\x00\x3c" in Wire(version=5, expiry=60).connect(CONNACK)[0]
    assert b"\x11" not in Wire(version=5).connect(CONNACK)[0][12:]


def test_no_maximum_is_announced_when_larger_messages_have_a_sink():
    assert b"\x27" not in Wire(version=5, on_large=print).connect(CONNACK)[0]


def test_will_has_its_own_properties():
    will = ("w", "gone", 1, True, {"will_delay": 5, "user_property": [("k", "v")]})
    sent, _ = Wire(version=5, will=will).connect(CONNACK)
    one, other = b"\x18\x00\x00\x00\x05", b"\x26\x00\x01k\x00\x01v"
    assert b"\x00\x02id\x0c" in sent and sent.endswith(b"\x00\x01w\x00\x04gone")
    assert one + other in sent or other + one in sent


def test_will_without_properties_says_so():
    sent, _ = Wire(version=5, will=("w", "gone", 0, False)).connect(CONNACK)
    assert sent.endswith(b"\x00\x02id\x00\x00\x01w\x00\x04gone")


def test_properties_of_connect_are_checked_at_once():
    for bad in (
        {"topic_alias": 1},
        {"receive_maximum": 0},
        {"user_property": [("a", "\0")]},
        {"maximum_packet_size": 1 << 32},
        {"request_response_information": 2},
    ):
        error = raises(ValueError, lambda bad=bad: Wire(version=5, properties=bad))
        assert list(bad)[0] in str(error)
    will = ("w", "", 0, False, {"topic_alias": 1})
    assert "topic_alias" in str(raises(ValueError, lambda: Wire(version=5, will=will)))


def test_refusal_carries_code_words_and_reason():
    # [MQTT5-4.13.2-1]
    wire = Wire(version=5)
    wire.open()
    error = raises(Refused, wire.feed, connack(b"\x1f\x00\x03why", code=0x87))
    assert error.code == 0x87
    assert "not authorized" in str(error) and "why" in str(error)


def test_a_broker_of_3_1_1_refuses_in_its_own_way():
    wire = Wire(version=5)
    wire.open()
    assert raises(Refused, wire.feed, b"\x20\x02\x00\x01").code == 1
    wire.open()
    raises(ProtocolError, wire.feed, b"\x20\x02\x00\x00")


def test_session_present_where_none_was_asked_for():
    # [MQTT5-3.2.2-4]
    wire = Wire(version=5)
    wire.open()
    raises(ProtocolError, wire.feed, PRESENT)


def test_the_broker_names_us_and_sets_the_keep_alive():
    # [MQTT5-3.1.2-21], [MQTT5-3.2.2-21]
    wire = Wire(version=5, keepalive=60)
    wire.connect(connack(b"\x12\x00\x03abc" + b"\x13\x00\x0a"))
    assert wire.session.client_id == "abc"
    assert wire.session.server == {"assigned_client_id": "abc", "server_keep_alive": 10}
    assert wire.later(7000) == []
    assert wire.later(1000) == [b"\xc0\x00"]  # after 7.5 s
    assert b"\x00\x03abc" in wire.connect(CONNACK)[0]
    assert wire.session.keepalive == 60


def test_publish_has_properties_even_if_none():
    # [MQTT5-2.2.2-1]
    wire = up()
    post(wire, b"hi")
    (sent,) = wire.sent()
    assert sent[:5] == b"\x32\x08\x00\x01t"
    assert published(sent)[1] == b"\x00hi"


def test_properties_of_a_message_stand_before_its_payload():
    wire = up()
    given = {"content_type": "a", "message_expiry": 60}
    post(wire, b"hi", properties=given)
    rest = published(wire.sent()[0])[1]
    one, other = b"\x03\x00\x01a", b"\x02\x00\x00\x00\x3c"
    assert rest in (b"\x09" + one + other + b"hi", b"\x09" + other + one + b"hi")


def test_no_property_before_version_5():
    wire = Wire()
    error = raises(ValueError, joined, wire.session.version, {"content_type": "a"}, b"x")
    assert "version=5" in str(error)


def test_bad_properties_of_a_message_are_named():
    # [MQTT5-1.5.7-1], [MQTT5-3.3.2-13], [MQTT5-3.3.2-14], [MQTT5-3.3.2-19], [MQTT5-3.3.4-6]
    for bad in ({"nonsense": 1}, {"subscription_identifier": 1}, {"content_type": "\ud800"},
                {"response_topic": "a/#"}, {"message_expiry": -1},
                {"user_property": [("k", "\0")]}, {"response_topic": "\ud800"}):  # fmt: skip
        raises(ValueError, joined, 5, bad, b"x")


def test_a_topic_that_repeats_goes_out_as_a_number():
    # [MQTT5-3.2.2-17], [MQTT5-3.3.2-8], [MQTT5-3.3.2-9]
    wire = up(b"\x22\x00\x01")
    for topic in ("sensor/a", "sensor/b", "sensor/a", "sensor/b"):
        post(wire, b"x", topic)
    first, other, again, _ = wire.sent()
    assert b"sensor/a" in first and first.endswith(b"\x03\x23\x00\x01x")
    assert b"sensor/b" in other and other.endswith(b"\x00x")  # one alias is all the broker takes
    assert again[:4] == b"\x32\x09\x00\x00" and again.endswith(b"\x03\x23\x00\x01x")
    # An alias lives as long as its connection. [MQTT5-3.3.2-7]
    _, (first, other, again, _) = wire.connect(connack(b"\x22\x00\x05"))
    assert b"sensor/a" in first and b"sensor/b" in other and b"sensor/a" not in again


def test_alias_and_properties_together():
    wire = up(b"\x22\x00\x05")
    for _ in range(2):
        post(wire, b"x", properties={"content_type": "a"})
    ends = b"\x07\x23\x00\x01\x03\x00\x01ax"
    first, again = wire.sent()
    assert first.endswith(ends) and first[2:5] == b"\x00\x01t"
    assert again.endswith(ends) and again[2:4] == b"\x00\x00"


def test_no_alias_where_none_is_wanted():
    # [MQTT5-3.2.2-18]
    for wire in (up(b"\x22\x00\x05", topic_aliases=0), up(b"\x22\x00\x00"), up()):
        for _ in range(2):
            post(wire)
        for packet in wire.sent():
            assert published(packet)[1] == b"\x00x"


def test_never_more_in_flight_than_the_broker_takes():
    # [MQTT5-3.3.4-7], [MQTT5-4.9.0-1], [MQTT5-4.9.0-2]
    wire = up(b"\x21\x00\x02", window=8)
    for _ in range(5):
        post(wire)
    sent = wire.sent()
    assert len(sent) == 2
    wire.feed(b"\x40\x02" + published(sent[0])[0])
    assert len(wire.sent()) == 1
    wire.connect(CONNACK)
    assert wire.session.window == 8


def test_other_packets_do_not_wait_for_room_in_flight():
    # [MQTT5-3.3.4-8], [MQTT5-4.9.0-3]
    wire = up(b"\x21\x00\x01", keepalive=4)
    for _ in range(2):
        post(wire)
    assert len(wire.sent()) == 1
    wire.feed(b"\x32\x06\x00\x01t\x00\x05\x00")
    assert wire.sent() == [b"\x40\x02\x00\x05"]
    ask(wire.session, "a", 1)
    assert wire.sent()[0][0] == 0x82
    wire.feed(b"\x90\x04\xff\xff\x00\x01")
    assert b"\xc0\x00" in wire.later(3500)


def test_acknowledgements_with_reason_codes_and_properties():
    wire = up()
    post(wire)
    pid = published(wire.sent()[0])[0]
    wire.feed(b"\x40\x09" + pid + b"\x10\x05\x1f\x00\x02no")
    assert wire.outbox.count == 0
    assert wire.session.reason == 0x10 and wire.session.told == {"reason_string": "no"}
    assert wire.session.refusals == 0


def test_a_refused_message_is_done_and_told():
    # [MQTT5-4.4.0-2]
    for qos, first in ((1, b"\x40"), (2, b"\x50")):
        wire = up()
        number = post(wire, qos=qos)
        pid = published(wire.sent()[0])[0]
        wire.feed(first + b"\x03" + pid + b"\x97")
        assert wire.outbox.removed > number and wire.sent() == []
        assert wire.session.refusals == 1
        error = raises(Refused, raise_for, wire.session, number)
        assert error.code == 0x97 and "quota" in str(error)
        raise_for(wire.session, number)  # told once


def test_refusal_of_the_second_of_two():
    wire = up()
    post(wire, b"1")
    number = post(wire, b"2")
    first, other = wire.sent()
    wire.feed(b"\x40\x03" + published(other)[0] + b"\x99")
    assert wire.outbox.count == 2 and wire.session.denied == [(number, 0x99)]
    wire.feed(b"\x40\x02" + published(first)[0])
    assert wire.outbox.count == 0


def test_refusals_that_nobody_asks_about_are_few():
    wire = up()
    for _ in range(40):
        post(wire)
        wire.feed(b"\x40\x03" + published(wire.sent()[0])[0] + b"\x97")
    assert len(wire.session.denied) == 16 and wire.session.refusals == 40


def test_what_the_broker_said_it_will_not_take_is_not_sent():
    # [MQTT5-3.2.2-11], [MQTT5-3.2.2-14], [MQTT5-3.2.2-15]
    for limit, message, code in (
        (b"\x24\x01", {"qos": 2}, 0x9B),
        (b"\x25\x00", {"retain": 1}, 0x9A),
        (b"\x27\x00\x00\x00\x14", {"payload": b"x" * 20}, 0x95),
    ):
        wire = up(limit, buffer=256)
        post(wire, b"1")
        number = post(wire, **message)
        post(wire, b"3")
        sent = wire.sent()
        assert [packet[-1:] for packet in sent] == [b"1", b"3"], sent
        assert wire.session.denied == [(number, code)]
        for packet in sent:
            wire.feed(b"\x40\x02" + published(packet)[0])
        assert wire.outbox.count == 0


def test_qos_2_both_ways_with_reason_codes():
    wire = up()
    post(wire, qos=2)
    pid = published(wire.sent()[0])[0]
    wire.feed(b"\x50\x03" + pid + b"\x10")
    assert wire.sent() == [b"\x62\x02" + pid]
    wire.feed(b"\x70\x04" + pid + b"\x92\x00")
    assert wire.outbox.count == 0
    assert wire.feed(b"\x34\x06\x00\x01t\x00\x05\x00") == [("t", b"")]
    assert wire.sent() == [b"\x50\x02\x00\x05"]
    wire.feed(b"\x62\x03\x00\x05\x92")
    assert wire.sent() == [b"\x70\x02\x00\x05"]


def test_nothing_is_sent_twice_on_one_connection():
    # [MQTT5-4.4.0-1], [MQTT5-3.3.1-1]
    wire = up(clean=False, keepalive=0)
    post(wire)
    pid = published(wire.sent()[0])[0]
    raises(LinkError, wire.later, 5000)
    _, (again,) = wire.connect(PRESENT)
    assert again[0] == 0x3A and published(again)[0] == pid


def test_received_properties():
    wire = up()
    raw = (
        b"\x01\x01\x02\x00\x00\x00\x3c\x03\x00\x01c\x08\x00\x03a/b\x09\x00\x02\x00\x01"
        b"\x26\x00\x01k\x00\x01v\x26\x00\x01k\x00\x01w\x0b\x81\x01\x0b\x02"
    )
    body = b"\x00\x01t" + bytes((len(raw),)) + raw + b"hi"
    assert wire.feed(bytes((0x30, len(body))) + body, step=3) == [("t", b"hi")]
    assert wire.session.properties == {
        "payload_format": 1, "message_expiry": 60, "content_type": "c", "response_topic": "a/b",
        "correlation_data": b"\x00\x01", "user_property": [("k", "v"), ("k", "w")],
        "subscription_identifier": [129, 2],
    }  # fmt: skip
    assert wire.feed(b"\x30\x04\x00\x01t\x00") == [("t", b"")]
    assert wire.session.properties == {}


def test_malformed_properties_end_the_connection():
    # [MQTT5-3.3.2-10], [MQTT5-3.3.2-14], [MQTT5-1.5.7-1]
    for raw in (
        b"\x7f",  # no such property
        b"\x23\x00\x01",  # an alias, where we take none
        b"\x11\x00\x00\x00\x01",  # not one of PUBLISH
        b"\x01\x02",  # neither 0 nor 1
        b"\x01\x00\x01\x00",  # twice
        b"\x03\x00\x05a",  # text that runs out
        b"\x02\x00\x00",  # a number that runs out
        b"\x03\x00\x02\xc3\x28",  # no UTF-8
        b"\x26\x00\x01k\x00\x01\x00",  # U+0000
        b"\x0b\x00",  # identifier 0
        b"\x0b\x80\x80\x80\x80\x01",  # five bytes
        b"\x08\x00\x01#",  # a wildcard to answer to
    ):
        wire = up()
        body = b"\x00\x01t" + bytes((len(raw),)) + raw
        raises(ProtocolError, wire.feed, bytes((0x30, len(body))) + body)
    raises(ProtocolError, up().feed, b"\x30\x04\x00\x01t\x01")  # longer than the packet
    raises(ProtocolError, up().feed, b"\x30\x03\x00\x01t")  # none at all


def test_a_large_message_keeps_its_properties():
    class Sink:
        got = b""

        def write(self, piece):
            self.got += bytes(piece)

        def close(self):
            return self.got

    wire = up(buffer=32, on_large=lambda *_: Sink())
    body = b"\x00\x01t\x04\x03\x00\x01c" + b"y" * 100
    assert wire.feed(bytes((0x30, len(body))) + body) == [("t", b"y" * 100)]
    assert wire.session.properties == {"content_type": "c"}


def test_large_properties_cost_the_message_alone():
    for size in (20, 25, 26, 27, 100):
        wire = up(buffer=32, on_large=print)
        raw = b"\x09\x00" + bytes((size,)) + b"c" * size
        body = b"\x00\x01t\x00\x07" + varint(len(raw)) + raw + b"y" * 30
        assert wire.feed(b"\x32" + varint(len(body)) + body) == []
        assert wire.sent() == [b"\x40\x02\x00\x07"]
        assert wire.session.skipped == 1


def test_subscribe_with_options_and_identifiers():
    # [MQTT5-3.8.3-5]
    wire = up()
    session = wire.session
    level = options(1, no_local=True, as_published=True, handling=2)
    ask(session, [("a", level), "b", ("c", options(identifier=300))], 2)
    assert wire.sent() == [b"\x82\x0b\xff\xff\x00\x00\x01a\x2d\x00\x01b\x02"]
    wire.feed(b"\x90\x09\xff\xff\x04\x1f\x00\x01x\x01\x02")
    assert wire.sent() == [b"\x82\x0a\xff\xff\x03\x0b\xac\x02\x00\x01c\x00"]
    wire.feed(b"\x90\x04\xff\xff\x00\x00")
    assert not session.untold


def test_bad_options_are_refused():
    # [MQTT5-3.8.3-4], [MQTT5-3.8.3-5]
    session = up().session
    for level in (3, -1, -4, 0x30, options(1) | 0x80, "1", 1 << 37):
        raises(ValueError, ask, session, "a", level)
    raises(ValueError, ask, session, "$share/g/a", options(1, no_local=True))
    raises(ValueError, options, 0, False, False, 3)
    raises(ValueError, options, 0, False, False, 0, 1 << 28)
    raises(ValueError, ask, Wire().session, "a", options(1, no_local=True))


def test_shares():
    # [MQTT5-4.8.2-1], [MQTT5-4.8.2-2]
    session = up().session
    for bad in ("$share", "$share/", "$share/a", "$share/a/", "$share//b", "$share/a+/b",
                "$share/+/b", "$share/#/b"):  # fmt: skip
        raises(ValueError, ask, session, bad, 1)
        raises(ValueError, ask, session, bad, None)
    ask(session, "$share/a/b/#", 1)
    assert list(session.filters) == ["$share/a/b/#"]


def test_a_goodbye_with_a_reason():
    # [MQTT5-3.14.2-1]
    wire = up()
    disconnect(wire.session)
    assert wire.stream.written == b"\xe0\x02\x04\x00" and not wire.session.up
    wire = up()
    raises(ValueError, disconnect, wire.session, 1)
    raises(ValueError, lambda: disconnect(wire.session, 4, server_reference="x"))
    assert not wire.sent()
    disconnect(wire.session, 0, session_expiry=60, reason_string="x" * 200)
    assert wire.stream.written[:5] == b"\xe0\xd3\x01\x00\xd0"


def test_refused_filters_say_why():
    wire = up()
    asked = ask(wire.session, ["a", "b"], 1)
    wire.sent()
    wire.feed(b"\x90\x05\xff\xff\x00\x01\x87")
    error = raises(OSError, granted, wire.session, asked)
    assert "b" in str(error) and "not authorized" in str(error)
    assert list(wire.session.filters) == ["a"]


def test_unsubscribe():
    wire = up()
    ask(wire.session, ["a", "b"], 1)
    wire.sent()
    wire.feed(b"\x90\x05\xff\xff\x00\x01\x01")
    ask(wire.session, ["a", "b"], None)
    assert wire.sent() == [b"\xa2\x09\xff\xff\x00\x00\x01a\x00\x01b"]
    raises(ProtocolError, wire.feed, b"\xb0\x04\xff\xff\x00\x11")  # two were asked for
    wire = up()
    ask(wire.session, ["a"], None)
    wire.sent()
    wire.feed(b"\xb0\x04\xff\xff\x00\x11")
    assert not wire.session.untold


def test_answers_to_nothing_are_counted():
    wire = up()
    wire.feed(b"\x90\x04\xff\xff\x00\x01")
    wire.feed(b"\xb0\x04\x00\x07\x00\x00")
    wire.feed(b"\x40\x03\x00\x07\x97")
    assert wire.session.strays == 3 and wire.session.refusals == 0


def test_the_broker_says_why_it_leaves():
    # [MQTT5-4.13.2-1]
    for packet, word in (
        (b"\xe0\x00", "0x00"),
        (b"\xe0\x01\x8b", "shutting down"),
        (b"\xe0\x09\x9d\x07\x1c\x00\x04else", "else"),
    ):
        assert word in str(raises(LinkError, up().feed, packet))


def test_no_authentication_was_asked_for():
    # [MQTT5-3.15.1-1], [MQTT5-4.12.0-6]
    raises(ProtocolError, up().feed, b"\xf0\x00")


def test_malformed_answers_end_the_connection():
    for packet in (
        b"\x40\x04\x00\x01\x00\x07",  # properties that are not there
        b"\x40\x05\x00\x01\x00\x00\x00",  # and something behind them
        b"\x90\x02\xff\xff",
        b"\x90\x03\xff\xff\x00",
        b"\xb0\x02\xff\xff",
        b"\xe0\x03\x00\x05\x00",
    ):
        raises(ProtocolError, up().feed, packet)


def test_a_publish_allocates_next_to_nothing():
    import gc

    wire = up(b"\x22\x00\x05")
    for _ in range(2):
        post(wire)
        wire.feed(b"\x40\x02" + published(wire.sent()[0])[0])
    gc.collect()
    gc.disable()
    number = post(wire)
    assert number is not None
    before = gc.mem_alloc()
    assert wire.session.next_packet()
    used = gc.mem_alloc() - before
    gc.enable()
    assert used <= 64, used


class Steps:
    """A method of two steps: proves who we are, and wants the broker to prove who it is."""

    method = "STEPS"

    def __init__(self):
        self.begun = 0
        self.told = []

    def first(self):
        self.begun += 1
        return b"hi"

    def answer(self, data):
        self.told.append(data)
        return data + b"!"

    def done(self, data):
        if data != b"broker":
            raise ValueError("not the broker")


METHOD = b"\x15\x00\x05STEPS"
CHALLENGE = b"\xf0\x11\x18\x0f" + METHOD + b"\x16\x00\x04nonc"
PROOF = METHOD + b"\x16\x00\x06broker"


def authenticating(**arguments):
    """A wire whose client has a method, and has sent CONNECT."""
    method = Steps()
    wire = Wire(version=5, authentication=method, **arguments)
    wire.open()
    return wire, method, wire.sent()[0]


def answers(answer, code, data):
    """True if an AUTH has that code, our method and that data, its properties in any order."""
    method, data = METHOD, b"\x16\x00" + bytes((len(data),)) + data
    size = len(method) + len(data)
    head = bytes((0xF0, size + 2, code, size))
    return answer in (head + method + data, head + data + method)


def test_authentication_in_steps():
    # [MQTT5-3.1.2-30], [MQTT5-3.15.2-1], [MQTT5-4.12.0-3], [MQTT5-4.12.0-5]
    wire, method, connect = authenticating(queue=2)
    assert METHOD in connect and b"\x16\x00\x02hi" in connect
    post(wire)
    assert wire.sent() == []  # nothing before CONNACK but AUTH
    wire.feed(CHALLENGE)
    (answer,) = wire.sent()
    assert answers(answer, 0x18, b"nonc!") and method.told == [b"nonc"]
    assert wire.sent() == []
    wire.feed(connack(PROOF))
    assert wire.session.up and len(wire.sent()) == 1


def test_each_step_has_its_own_time():
    wire, _, _ = authenticating()
    for _ in range(4):
        wire.later(wire.session.answer_ms - 1000)
        wire.feed(CHALLENGE)
        assert len(wire.sent()) == 1
    raises(LinkError, wire.later, 60_000)


def test_a_broker_that_does_not_prove_itself_is_left():
    for last in (connack(METHOD + b"\x16\x00\x05other"), connack(METHOD)):
        wire, _, _ = authenticating()
        wire.feed(CHALLENGE)
        error = raises(Refused, wire.feed, last)
        assert "not the broker" in str(error) and error.code == 0x87


def test_another_method_or_none_is_a_protocol_error():
    # [MQTT5-4.12.0-5]
    other = METHOD[:-1] + b"X"
    for packet in (
        connack(other),
        connack(b""),
        b"\xf0\x0a\x18\x08" + other,
        b"\xf0\x02\x18\x00",
        b"\xf0\x0a\x19\x08" + METHOD,  # that is ours to send
        b"\xf0\x00",  # success is told by CONNACK
    ):
        wire, _, _ = authenticating()
        raises(ProtocolError, wire.feed, packet)


def authenticated():
    wire, method, _ = authenticating()
    wire.feed(connack(PROOF))
    return wire, method


def test_authenticating_again_goes_on_beside_the_messages():
    # [MQTT5-4.12.1-1], [MQTT5-3.15.2-1]
    wire, method = authenticated()
    reauthenticate(wire.session)
    (again,) = wire.sent()
    assert answers(again, 0x19, b"hi") and method.begun == 2
    raises(OSError, reauthenticate, wire.session)
    post(wire)
    assert len(wire.sent()) == 1
    wire.feed(CHALLENGE)
    assert answers(wire.sent()[0], 0x18, b"nonc!")
    done = PROOF
    wire.feed(bytes((0xF0, len(done) + 2, 0, len(done))) + done)
    reauthenticate(wire.session)
    wire.connect(connack(PROOF))
    assert wire.sent() == [] or wire.sent()[0][0] != 0xF0  # what was under way is over


def test_without_a_method_there_is_no_auth():
    # [MQTT5-4.12.0-6], [MQTT5-4.12.0-7]
    wire = up()
    raises(ValueError, reauthenticate, wire.session)
    assert wire.sent() == []
    raises(ProtocolError, wire.feed, CHALLENGE)
    wire = Wire(version=5)
    wire.open()
    raises(ProtocolError, wire.feed, connack(METHOD))
    wire, _ = authenticated()
    raises(ProtocolError, wire.feed, CHALLENGE)  # nobody asked


class AsksTwice(Broker):
    """Wants two answers before it lets a client in, and again where that asks for it."""

    def reply(self, first, body):
        kind = first & 0xF0
        if kind == CONNECT:
            self.steps = 0
            return CHALLENGE
        if kind == 0xF0:
            self.steps += 1
            if self.steps < 2 or body[0] == 0x19:
                return CHALLENGE
            done = b"\x00" + bytes((len(PROOF),)) + PROOF
            up = self.steps > 2
            return b"\xf0" + bytes((len(done),)) + done if up else connack(PROOF)
        if kind == PUBLISH:
            return b"\x40\x02" + self.pid(body)
        return b""


def test_both_clients_authenticate():
    with Clock() as clock:
        broker = AsksTwice(clock)
        link = Link(broker, "me", version=5, authentication=Steps())
        link.post("t", "x")
        run(link, clock, 1000)
        assert link.up and not link.outbox.count
        reauthenticate(link)
        run(link, clock, 1000)
        assert broker.steps == 4 and not link.v5.auth and link.up
        broker = AsksTwice(clock)
        client = MQTTClient("me", "", dial=broker, version=5, authentication=Steps())
        client.wait = clock.sleep
        client.connect()
        client.publish("t", "x", qos=1)
        assert broker.steps == 2
