# heap: 256K
"""What a client is made with and handed: what is bad is refused at once, in words that help."""

import asyncio
import gc
import sys
from array import array

from memory_broker import CONNECT, Broker, fields
from wire import raises

from mqtt import once
from mqtt.client import Client
from mqtt.engine.core import Outbox
from mqtt.link import Link
from mqtt.robust import MQTTClient as Robust
from mqtt.simple import MQTTClient


def asyncio_client(client_id="id", dial=None, **options):
    return Client(dial or Broker(), client_id, **options)


def link(client_id="id", dial=None, **options):
    return Link(dial or Broker(), client_id, **options)


def blocking(client_id="id", dial=None, **options):
    return MQTTClient(client_id, "host", dial=dial or Broker(), **options)


def robust(client_id="id", dial=None, **options):
    return Robust(client_id, "host", dial=dial or Broker(), **options)


MAKERS = (asyncio_client, link, blocking, robust)
LONG = "x" * 65536
DAY_MS = 86_400_000

# The kind of error, words of it, and the options.
BAD = (
    (ValueError, ("client_id", "UTF-8", "hexlify"), {"client_id": b"\x84\xf3\xeb\xff"}),
    (ValueError, ("client_id", "U+0000"), {"client_id": "a\0"}),
    (ValueError, ("client_id", "65536", "65535"), {"client_id": LONG}),
    (TypeError, ("client_id", "int", "str"), {"client_id": 1234}),
    (TypeError, ("client_id", "NoneType"), {"client_id": None}),
    (ValueError, ("client_id", "empty"), {"client_id": "", "clean": False}),
    (ValueError, ("user", "UTF-8"), {"user": b"\xff\xfe", "password": "x"}),
    (ValueError, ("user", "U+0000"), {"user": "u\0"}),
    (ValueError, ("user", "65536"), {"user": LONG}),
    (TypeError, ("user", "int"), {"user": 5}),
    (TypeError, ("password", "int"), {"user": "u", "password": 5}),
    (ValueError, ("password", "65536", "65535"), {"user": "u", "password": LONG}),
    (ValueError, ("password", "user"), {"password": "x"}),
    (ValueError, ("password", "user"), {"password": ""}),
    (ValueError, ("keepalive", "-1", "0 to 65535"), {"keepalive": -1}),
    (ValueError, ("keepalive", "65536", "0 to 65535"), {"keepalive": 65536}),
    (ValueError, ("keepalive", "'60'"), {"keepalive": "60"}),
    (ValueError, ("keepalive", "1.5"), {"keepalive": 1.5}),
    (ValueError, ("keepalive", "None"), {"keepalive": None}),
    (ValueError, ("window", "0", "1 to 30"), {"window": 0}),
    (ValueError, ("window", "31", "1 to 30"), {"window": 31}),
    (ValueError, ("window", "'8'"), {"window": "8"}),
    (ValueError, ("buffer", "15", "16"), {"buffer": 15}),
    (ValueError, ("buffer", "None"), {"buffer": None}),
    (ValueError, ("queue", "0", "1 to"), {"queue": 0}),
    (ValueError, ("queue", "'8'", "outbox"), {"queue": "8"}),
    (ValueError, ("queue", "None"), {"queue": None}),
    (ValueError, ("version", "6"), {"version": 6}),
    (ValueError, ("will", "5"), {"will": 5}),
    (ValueError, ("will", "payload, qos, retain"), {"will": ("t", b"x")}),
    (ValueError, ("will", "properties"), {"will": ("t", b"x", 0, False, {})}),
    (ValueError, ("will", "t/+", "wildcard"), {"will": ("t/+", b"x", 0, False)}),
    (ValueError, ("will", "topic"), {"will": ("", b"x", 0, False)}),
    (ValueError, ("will", "UTF-8"), {"will": (b"\xff", b"x", 0, False)}),
    (TypeError, ("will", "topic", "int"), {"will": (5, b"x", 0, False)}),
    (TypeError, ("will", "payload", "int", "str(value)"), {"will": ("t", 5, 0, False)}),
    (TypeError, ("will", "payload", "NoneType"), {"will": ("t", None, 0, False)}),
    (ValueError, ("will", "65536"), {"will": ("t", LONG, 0, False)}),
    (ValueError, ("will", "QoS 3"), {"will": ("t", b"x", 3, False)}),
    (ValueError, ("answer_ms", "0;", "1 to 86400000"), {"answer_ms": 0}),
    (ValueError, ("answer_ms", "-5"), {"answer_ms": -5}),
    (ValueError, ("answer_ms", "86400001"), {"answer_ms": 86_400_001}),
    (ValueError, ("answer_ms", "1.5"), {"answer_ms": 1.5}),
    (ValueError, ("answer_ms", "None"), {"answer_ms": None}),
    (ValueError, ("connect_ms", "0;", "1 to 86400000"), {"connect_ms": 0}),
    (ValueError, ("connect_ms", "-1"), {"connect_ms": -1}),
    (ValueError, ("connect_ms", "86400001"), {"connect_ms": 86_400_001}),
    (ValueError, ("connect_ms", "'9'"), {"connect_ms": "9"}),
    (ValueError, ("backoff_ms", "first", "0;", "1 to 86400000"), {"backoff_ms": (0, 0)}),
    (ValueError, ("backoff_ms", "longest", "1;", "5 to 86400000"), {"backoff_ms": (5, 1)}),
    (ValueError, ("backoff_ms", "-5"), {"backoff_ms": (-5, 10)}),
    (ValueError, ("backoff_ms", "longest", "-1"), {"backoff_ms": (1, -1)}),
    (ValueError, ("backoff_ms", "86400001"), {"backoff_ms": (1, 86_400_001)}),
    (ValueError, ("backoff_ms", "0.5"), {"backoff_ms": (0.5, 10)}),
    (ValueError, ("backoff_ms", "'10'"), {"backoff_ms": (1, "10")}),
    (ValueError, ("backoff_ms", "first, longest", "1000"), {"backoff_ms": 1000}),
    (ValueError, ("backoff_ms", "(1, 2, 3)"), {"backoff_ms": (1, 2, 3)}),
    (ValueError, ("backoff_ms", "None"), {"backoff_ms": None}),
    (ValueError, ("timeout", "0;", "0.001 to 86400 seconds"), {"timeout": 0}),
)  # fmt: skip


def refused(kind, words, function, *args, **options):
    error = raises(kind, lambda: function(*args, **options))
    for word in words:
        assert word in str(error), (word, error, options)


def test_a_bad_option_is_refused_when_the_client_is_made_by_name_value_and_limits():
    for make in MAKERS:
        for kind, words, options in BAD:
            refused(kind, words, make, **options)
            gc.collect()


PLACES = ((None, 1883), (5, 1883), ([], 1883), ("127.0.0.1", "x"))  # where no broker can be


def test_where_no_broker_can_be_is_told_and_the_client_goes_on():
    for host, port in PLACES:
        lost = []
        one = Link(host, "id", port, on_lost=lost.append, backoff_ms=(1, 1))
        while len(lost) < 3:
            one.step()
        for error in lost:
            assert isinstance(error, OSError) and str(port) in str(error), error


def test_a_certificate_that_cannot_be_used_is_named():
    for source, words in (("none.pem", "none.pem"), (b"junk", "ca= is no certificate")):
        try:
            MQTTClient("id", "host", ssl=True, ssl_params={"cadata": source})
        except (OSError, ValueError) as error:
            assert words in str(error), error
        else:
            raise AssertionError(source)


def test_a_qos_that_is_none_is_refused_in_every_call():
    for make in (link, blocking, robust):
        one = make()
        for call in calls(one):
            for qos in (3, -1, "1", None, 0.5):
                refused(ValueError, ("QoS", repr(qos), "0, 1, 2"), call, b"x", qos)


def test_good_options_pass_at_their_limits():
    for make in MAKERS:
        for options in (
            {"client_id": "nöde"},
            {"client_id": b"n\xc3\xb6de"},
            {"client_id": ""},
            {"client_id": "", "clean": False, "version": 5},
            {"user": "ü", "password": b"\x00\xff"},
            {"user": "", "password": ""},
            {"user": "u"},
            {"keepalive": 0},
            {"keepalive": 65535},
            {"window": 1},
            {"window": 30},
            {"buffer": 16},
            {"queue": 1},
            {"queue": Outbox(3)},
            {"will": None},
            {"will": ("t", "", 2, True)},
            {"will": ["ü", bytearray(b"\x00"), 0, 0]},
            {"will": ("t", memoryview(b"xyz")[1:], 1, 0)},
            {"will": ("t", b"x", 1, False, {"will_delay": 5}), "version": 5},
            {"answer_ms": 1, "connect_ms": 1, "backoff_ms": (1, 1)},
            {"answer_ms": DAY_MS, "connect_ms": DAY_MS, "backoff_ms": [DAY_MS, DAY_MS]},
        ):
            make(**options)
            gc.collect()


def test_the_smallest_buffer_and_queue_work():
    broker = Broker()
    got = []
    one = blocking(dial=broker, buffer=16, queue=1, window=1, will=("t", "gone", 1, True))
    one.set_callback(lambda *message: got.append(message))
    one.connect()
    one.subscribe("a/filter/longer/than/the/buffer", 1)
    for qos in (0, 1, 2):
        one.publish("a/topic/longer/than/the/buffer", b"and its payload", qos=qos)
    broker.streams[0].arrive(b"\x32\x22\x00\x01t\x00\x09" + b"x" * 29 + b"\x30\x04\x00\x01t!")
    while len(got) < 2:
        one.wait_msg()
    assert got == [(b"t", b"x" * 29), (b"t", b"!")]
    assert [message.qos for message in broker.messages()] == [0, 1, 2]


def test_the_will_reaches_the_broker_and_is_held_as_it_was_given():
    payload = bytearray(b"was here")
    expected = b"\x00\x02id" + b"\x00\x03a/w" + b"\x00\x08was here"
    for make in MAKERS:
        broker = Broker()
        one = make(dial=broker, will=("a/w", payload, 1, False))
        payload[0:1] = b"W"  # its owner's
        connected(one, broker)
        assert fields(broker.packets(CONNECT)[0])[10:] == expected, make
        payload[0:1] = b"w"


def connected(one, broker):
    """Open a connection with any client."""
    if isinstance(one, MQTTClient):
        one.connect()
    else:
        while not one.up:
            one.step()


def test_set_last_will_is_held_to_the_same():
    one = blocking()
    for kind, words, options in BAD:
        if "will" in options and isinstance(options["will"], tuple) and len(options["will"]) == 4:
            topic, payload, qos, retain = options["will"]
            refused(kind, words, one.set_last_will, topic, payload, retain, qos)
    assert one.will is None
    one.set_last_will("t", "gone", True, 1)
    assert one.will == ("t", "gone", 1, True)


def test_connect_refuses_a_timeout_that_is_none():
    broker = Broker()
    one = blocking(dial=broker)
    for timeout in (0, -1, 0.0001, 86_401, "5", (), float("nan")):
        refused(ValueError, ("timeout", str(timeout), "86400 seconds"), one.connect, True, timeout)
    assert not broker.streams
    for timeout in (0.001, 5, 86_400):
        one.connect(timeout=timeout)
        assert one.answer_ms == one.connect_ms == int(timeout * 1000)


def test_so_does_a_message_that_is_waited_for_once():
    for timeout in (0, -1, 86_401, 600_000):
        refused(ValueError, ("timeout", str(timeout)), once.receive, "t", "host", timeout=timeout)


def test_the_times_that_a_client_is_given_are_those_it_keeps_to():
    for make in MAKERS:
        for version in (4, 5):
            times = {"answer_ms": 7, "connect_ms": 8, "backoff_ms": (9, 10)}
            one = make(version=version, **times)
            assert (one.answer_ms, one.connect_ms) == (7, 8)
            assert one.backoff_ms == (9, 10)


def test_what_checks_the_options_is_forgotten_again():
    one = blocking(user="ü", password=b"\xff", will=("t", b"x", 0, False), answer_ms=500)
    one.set_last_will("t", b"y")
    one.connect(timeout=1)
    left = [
        name
        for name in sys.modules
        if name in ("mqtt.engine.options", "mqtt.engine.checks", "mqtt.engine.payload")
    ]
    assert left == []


def test_the_buffers_are_made_once_with_each_version():
    size = 16_384  # two of these: one for each direction
    for version in (4, 5):
        link(version=version)  # what it imports is here now
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        one = link(version=version, buffer=size)
        taken = gc.mem_alloc() - before
        gc.enable()
        gc.collect()
        assert taken < 2.5 * size, (version, taken)
        del one


# --- payloads

NO_PAYLOADS = (5, True, 21.5, None, [50, 51], (1,), {"a": 1}, 3_000_000, 100_000_000, object())
PAYLOADS = (
    ("é", b"\xc3\xa9"),
    ("", b""),
    (b"\x00\xff", b"\x00\xff"),
    (bytearray(b"ab"), b"ab"),
    (memoryview(b"abc")[1:], b"bc"),
    (memoryview(array("H", [1, 2])), bytes(array("H", [1, 2]))),
)  # fmt: skip


def calls(one):
    """The calls of a client that take a payload, as functions of payload and QoS."""
    found = [lambda payload, qos: one.post("t", payload, False, qos)]
    if isinstance(one, MQTTClient):
        found.append(lambda payload, qos: one.publish("t", payload, False, qos))
    return found


def test_a_payload_of_another_type_is_a_type_error_at_every_qos_in_every_call():
    words = ("payload", "str, bytes or bytearray", "str(value)")
    for make in (link, blocking, robust):
        broker = Broker()
        one = make(dial=broker)
        connected(one, broker)
        for call in calls(one):
            for payload in NO_PAYLOADS:
                for qos in (0, 1, 2):
                    refused(TypeError, words + (type(payload).__name__,), call, payload, qos)
        assert one.up and not one.outbox.count and not broker.messages()


def test_the_asyncio_client_s_calls_refuse_it_as_well():
    async def main():
        from mqtt.throttle import Throttle

        broker = Broker()
        for throttle in (None, Throttle(1000)):
            async with asyncio_client(dial=broker, throttle=throttle) as one:
                for payload in NO_PAYLOADS:
                    for qos in (0, 1, 2):
                        try:
                            await one.publish("t", payload, qos=qos)
                        except TypeError as error:
                            assert "payload" in str(error) and "bytearray" in str(error)
                        else:
                            raise AssertionError(payload)
                        refused(TypeError, ("payload",), one.hand_over, "t", payload, False, qos)
                assert one.up and not one.outbox.count and not broker.messages()

    asyncio.run(main())


def test_once_refuses_it():
    for qos in (0, 1):
        refused(TypeError, ("payload",), once.publish, "t", 5, "host", qos=qos, dial=Broker())


def test_every_kind_of_payload_arrives_as_its_bytes():
    for make in (link, blocking, robust):
        broker = Broker()
        one = make(dial=broker)
        connected(one, broker)
        for call in calls(one):
            for payload, expected in PAYLOADS:
                for qos in (0, 1, 2):
                    assert call(payload, qos) != -2
                    while one.outbox.count:
                        one.receive()
                        one.send()
                    assert broker.messages()[-1].payload == expected, (payload, qos)


def test_a_topic_of_another_type_is_a_type_error():
    one = blocking()
    one.connect()
    for topic in (None, 5, 100_000_000, object()):
        refused(TypeError, ("topic", type(topic).__name__), one.publish, topic, b"")
        refused(TypeError, ("topic", type(topic).__name__), one.subscribe, topic)
    one.publish(bytearray(b"t"), b"")
