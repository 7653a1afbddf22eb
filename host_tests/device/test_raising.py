# heap: 256K
"""Whatever the application's code raises stays with it: the client goes on, and nobody hangs."""

import asyncio

from memory_broker import Broker
from wire import raises

from mqtt.client import Client
from mqtt.link import Link
from mqtt.simple import MQTTClient

PAUSE_MS = (1, 2)


class Custom(Exception):
    """An exception that the library has never heard of."""


# Of each kind: bugs, what the library raises itself, and what asyncio ends a task with.
ERRORS = (KeyError, TypeError, RuntimeError, OSError, ValueError, MemoryError, Custom)
FATAL = (KeyboardInterrupt, SystemExit)


def raising(kind, calls=None):
    def function(*_):
        if calls is not None:
            calls.append(kind)
        raise kind("the application's")

    return function


def within(seconds, coroutine):
    """Run it; fails where somebody waits forever."""
    asyncio.new_event_loop()
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def client(broker, **options):
    return Client(broker, "id", backoff_ms=PAUSE_MS, **options)


async def published(one, payload=b"1"):
    await asyncio.wait_for(one.publish("t", payload, qos=1), 10)


def test_on_lost_may_raise_anything_and_the_next_connection_is_made():
    async def run(kind):
        calls = []
        broker = Broker()
        one = client(broker, on_lost=raising(kind, calls))
        one.start()
        for count in range(3):
            await published(one)
            broker.streams[-1].end()
            while one.failures == count:
                await one.progress()
        assert len(calls) == one.handler_errors == 3, kind
        await published(one)
        await one.stop()

    for kind in ERRORS + (asyncio.CancelledError,):
        within(20, run(kind))


def test_on_connect_may_raise_anything_and_the_connection_stands():
    async def run(kind):
        calls = []
        broker = Broker()
        async with client(broker, on_connect=raising(kind, calls)) as one:
            await published(one)
            assert len(calls) == one.handler_errors == len(broker.streams) == 1, kind
            assert one.failures == 0, kind

    for kind in ERRORS + (asyncio.CancelledError,):
        within(20, run(kind))


def test_on_message_may_raise_anything_and_is_called_for_the_next():
    async def run(kind, qos2):
        calls = []
        broker = Broker()
        async with client(broker, on_message=raising(kind, calls)) as one:
            stream = broker.streams[0]
            for count in range(1, 3):
                stream.arrive(bytes((0x34 if qos2 else 0x32, 6, 0, 1, 116, 0, count, 33)))
                while len(calls) < count:
                    await one.progress()
            await published(one)
            assert one.handler_errors == 2 and one.failures == 0, kind
            first = 0x50 if qos2 else 0x40
            answers = [packet for packet in stream.sent if packet[0] == first]
            assert answers == [bytes((first, 2, 0, count)) for count in (1, 2)], kind

    for kind in ERRORS + (asyncio.CancelledError,):
        within(20, run(kind, False))
        within(20, run(kind, True))


class Sink:
    """Raises in one of its methods."""

    def __init__(self, method, kind):
        self.method = method
        self.kind = kind

    def write(self, piece):
        if self.method == "write":
            raise self.kind("the sink's")

    def close(self):
        if self.method == "close":
            raise self.kind("the sink's")


LARGE = b"\x32\x2d\x00\x01t\x00\x09" + b"x" * 40


def test_on_large_and_its_sink_may_raise_anything_which_costs_their_message_alone():
    async def run(kind, method):
        def on_large(*_):
            if method == "on_large":
                raise kind("on_large's")
            return Sink(method, kind)

        got = []
        broker = Broker()
        options = {"on_message": lambda *message: got.append(message), "on_large": on_large}
        async with client(broker, buffer=32, **options) as one:
            stream = broker.streams[0]
            stream.arrive(LARGE + b"\x30\x04\x00\x01t!")
            while not got:
                await one.progress()
            await published(one)
            assert got == [("t", b"!", False)], (kind, method, got)
            assert one.handler_errors == 1 and one.failures == 0, (kind, method)
            assert b"\x40\x02\x00\x09" in stream.sent, (kind, method)

    for kind in ERRORS:
        for method in ("on_large", "write", "close"):
            within(20, run(kind, method))


def test_every_handler_s_exception_is_counted_a_coroutine_s_as_well():
    async def run(kind):
        done = asyncio.Event()

        async def coroutine(*_):
            raise kind("a coroutine's")

        broker = Broker()
        async with client(broker) as one:
            one.on("#", raising(kind))
            one.on("t", raising(kind))
            one.on("t", coroutine)
            one.on("t", lambda *_: done.set())
            broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
            await done.wait()
            await published(one)
            assert one.handler_errors == 3 and one.failures == 0, kind

    for kind in ERRORS:
        within(20, run(kind))


def test_a_dialler_may_raise_anything_and_is_asked_again():
    async def run(kind):
        broker = Broker()
        broken = [None] * 3

        def dial():
            if broken:
                broken.pop()
                raise kind("the dialler's")
            return broker()

        told = []
        one = Client(dial, "id", backoff_ms=PAUSE_MS, on_lost=told.append)
        one.start()
        await published(one)
        assert [type(error) for error in told] == [kind] * 3
        assert one.failures == 3
        await one.stop()

    for kind in ERRORS + (asyncio.CancelledError,):
        within(20, run(kind))


class Broken(Broker):
    """Its first connections raise where the client reads, writes or closes."""

    def __init__(self, method, kind):
        super().__init__()
        self.method = method
        self.kind = kind

    def __call__(self):
        stream = super().__call__()
        if len(self.streams) < 3:
            setattr(stream, self.method, raising(self.kind))
            if self.method == "close":
                stream.end()
        return stream


def test_a_stream_may_raise_anything_and_another_is_made():
    async def run(kind, method):
        broker = Broken(method, kind)
        one = client(broker)
        one.start()
        await published(one)
        while len(broker.streams) < 3:
            await one.progress()
        await one.stop()

    for kind in ERRORS:
        for method in ("readinto", "write", "close"):
            within(20, run(kind, method))


def test_a_stream_that_raises_while_a_message_is_published_costs_the_connection_alone():
    async def run(kind, qos):
        broker = Broker()
        one = client(broker)
        one.start()
        await one.connected()
        broker.streams[0].write = raising(kind)
        await one.publish("t", b"1", qos=qos)  # of QoS 0 nobody knows what became of it
        await published(one, b"2")
        assert len(broker.streams) == 2 and one.failures == 1, kind
        assert [m.payload for m in broker.messages()] == ([b"1", b"2"] if qos else [b"2"]), kind
        await one.stop()

    for kind in ERRORS:
        for qos in (0, 1, 2):
            within(20, run(kind, qos))


def test_what_is_no_stream_at_all_counts_as_a_failure():
    async def run(stream):
        broker = Broker()
        dials = [lambda: stream, broker]
        one = Client(dials, "id", backoff_ms=PAUSE_MS)
        one.start()
        await published(one)
        assert one.failures == 1, stream
        await one.stop()

    for stream in (None, "x", object(), []):
        within(20, run(stream))


def test_what_ends_a_program_passes():
    async def run(**options):
        broker = Broker()
        one = client(broker, **options)
        one.start()
        await published(one)
        broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
        broker.streams[0].end()
        await asyncio.sleep(10)

    for kind in FATAL:
        for name in ("on_connect", "on_message", "on_lost"):
            raises(kind, within, 5, run(**{name: raising(kind)}))
        raises(kind, Link(raising(kind), "id").step)


# --- the blocking client: what the callbacks raise is the caller's


def test_in_the_blocking_client_a_callback_s_exception_reaches_the_caller_of_its_method():
    for kind in ERRORS + FATAL:
        broker = Broker()
        one = MQTTClient("id", "host", dial=broker)
        one.connect()
        one.set_callback(raising(kind))
        broker.streams[0].arrive(b"\x32\x06\x00\x01t\x00\x05!")
        caught = None
        try:
            one.wait_msg()
        except kind as error:
            caught = error
        assert "the application's" in str(caught), kind
        one.set_callback(None)
        one.publish("t", b"1", qos=1)  # the connection stands, and the message was acknowledged
        assert b"\x40\x02\x00\x05" in broker.streams[0].sent, kind
        assert len(broker.streams) == 1, kind


def test_in_the_blocking_client_on_connect_s_exception_is_counted():
    from mqtt.robust import MQTTClient as Robust

    for kind in ERRORS:
        for each in (MQTTClient, Robust):
            broker = Broker()
            one = each("id", "host", dial=broker, on_connect=raising(kind))
            one.reconnect()
            one.publish("t", b"1", qos=1)
            assert len(broker.streams) == len(broker.messages()) == one.handler_errors == 1, kind


def test_in_the_blocking_client_a_dialler_s_exception_reaches_the_caller_and_the_next_may_do():
    for kind in ERRORS:
        broker = Broker()
        one = MQTTClient("id", "host", dial=raising(kind))
        assert "the application's" in str(raises(kind, one.connect)), kind
        one.dial = broker
        one.connect()
        one.publish("t", b"1", qos=1)


def test_in_the_blocking_client_a_sink_s_exception_costs_its_message_alone():
    def run(kind):
        got = []
        broker = Broker()
        one = MQTTClient(
            "id", "host", dial=broker, buffer=32, on_large=lambda *_: Sink("write", kind)
        )
        one.set_callback(lambda *message: got.append(message))
        one.connect()
        broker.streams[0].arrive(LARGE + b"\x30\x04\x00\x01t!")
        one.wait_msg()
        assert got == [(b"t", b"!")] and one.handler_errors == 1, kind

    for kind in ERRORS:
        run(kind)


def test_in_the_blocking_client_a_stream_s_exception_ends_the_connection_and_reaches_the_caller():
    for kind in ERRORS:
        for method in ("readinto", "write"):
            broker = Broker()
            one = MQTTClient("id", "host", dial=broker)
            one.connect()
            setattr(broker.streams[0], method, raising(kind))
            # TLS raises ValueError, which is told as the failure of a connection.
            expected = OSError if kind is ValueError and method == "readinto" else kind
            raises(expected, one.publish, "t", b"1", False, 1)
            assert one.stream is None and broker.streams[0].closed, (kind, method)
            one.reconnect()
            one.publish("t", b"2", qos=1)
            assert [m.payload for m in broker.messages() if not m.dup][-1] == b"2", kind
