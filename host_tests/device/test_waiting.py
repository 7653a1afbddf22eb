# heap: 256K
"""What the calls of the asyncio client wait for, and what ends the wait."""

import asyncio

from memory_broker import CONNECT, DISCONNECT, PUBLISH, Broker

from mqtt.client import Client
from mqtt.engine.base import LinkError, Refused
from mqtt.link import Link
from mqtt.simple import MQTTClient
from mqtt.stopped import Stopped
from mqtt.throttle import Throttle

PAUSE_MS = (1, 2)


def run(coroutine, seconds=20):
    """Fails where somebody waits forever."""
    asyncio.new_event_loop()
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def client(broker, **options):
    return Client(broker, "id", backoff_ms=PAUSE_MS, **options)


async def outcome(awaitable):
    """What it raises; None if it returns."""
    try:
        await awaitable
    except Exception as error:
        return error
    return None


# --- room in the queue


def test_a_publish_waits_for_room_and_nothing_is_refused():
    async def main():
        broker = Broker(acks=False)
        async with client(broker, queue=2) as one:
            tasks = [asyncio.create_task(one.publish("t", b"%d" % i, qos=1)) for i in range(6)]
            while len(broker.messages()) < 2:
                await one.progress()
            assert (one.outbox.count, one.outbox.refused) == (2, 0)
            broker.acks = True
            for message in broker.messages():
                broker.streams[0].arrive(bytes((0x40, 2, 0, message.pid)))
            await asyncio.gather(*tasks)
            assert one.outbox.refused == 0
        assert [message.payload for message in broker.messages()] == [b"%d" % i for i in range(6)]

    run(main())


def refusing(*_):
    return None


def test_where_nothing_is_held_that_could_make_room_it_raises():
    # An outbox on flash may refuse although it has places.
    async def main():
        async with client(Broker()) as one:
            one.outbox.put = refusing
            error = await outcome(one.publish("t", b"1", qos=1))
            assert isinstance(error, OSError) and "queue full" in str(error)

    run(main())


def test_where_the_outbox_has_places_and_refuses_it_waits_until_something_is_gone():
    async def main():
        broker = Broker(acks=False)
        async with client(broker) as one:
            first = asyncio.create_task(one.publish("t", b"1", qos=1))
            while not broker.messages():
                await one.progress()
            put = one.outbox.put
            one.outbox.put = refusing
            second = asyncio.create_task(one.publish("t", b"2", qos=1))
            await asyncio.sleep_ms(20)
            assert not second.done()
            one.outbox.put = put
            broker.acks = True
            broker.streams[0].arrive(b"\x40\x02\x00\x01")
            await first
            await second

    run(main())


# --- other tasks


def test_other_tasks_have_their_turn_while_messages_of_qos_0_are_published():
    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep_ms(0)

        async with client(Broker()) as one:
            task = asyncio.create_task(other())
            await asyncio.sleep_ms(0)
            before = turns
            for _ in range(100):
                await one.publish("t", b"x")
            assert turns - before >= 10, turns - before
            task.cancel()

    run(main())


# --- the caller's buffer


def test_a_buffer_may_be_used_again_when_publish_returns():
    async def main(qos, payload_of):
        broker = Broker(takes=100, every_ms=1)
        async with client(broker) as one:
            buffer = bytearray(b"A" * 2000)
            for letter in b"ABC":
                buffer[:] = bytes((letter,)) * 2000
                await one.publish("t", payload_of(buffer), qos=qos)
            buffer[:] = b"x" * 2000
            await one.publish("t", b"end", qos=1)
        got = [message.payload for message in broker.messages()]
        assert got == [b"A" * 2000, b"B" * 2000, b"C" * 2000, b"end"], qos

    for qos in (0, 1, 2):
        run(main(qos, lambda buffer: buffer))
        run(main(qos, lambda buffer: memoryview(buffer)[:]))


def test_a_buffer_may_be_used_again_when_publish_is_cancelled():
    async def main():
        broker = Broker(takes=100, every_ms=5)
        async with client(broker) as one:
            await asyncio.sleep_ms(20)
            buffer = bytearray(b"A" * 2000)
            task = asyncio.create_task(one.publish("t", buffer))
            await asyncio.sleep_ms(20)
            assert not task.done()
            task.cancel()
            await asyncio.sleep_ms(0)
            buffer[:] = b"x" * 2000
            await one.publish("t", b"end", qos=1)
        assert [message.payload for message in broker.messages()] == [b"A" * 2000, b"end"]

    run(main())


def test_a_buffer_may_be_used_again_when_post_returns():
    for takes in (4, 20, 700):  # of the header, of the payload
        broker = Broker(takes=takes, every_ms=1)
        link = Link(broker, "id")
        while not link.up:
            link.wait(link.step())
        buffer = bytearray(b"A" * 1000)
        while link.post("t", buffer, qos=0) is None:
            link.wait(link.step())
        buffer[:] = b"x" * 1000
        while not broker.messages():
            link.wait(link.step())
        assert broker.messages()[0].payload == b"A" * 1000, takes


def test_a_buffer_may_be_used_again_when_the_blocking_publish_returns():
    broker = Broker(takes=100, every_ms=1)
    one = MQTTClient("id", "host", dial=broker)
    one.connect()
    buffer = bytearray(b"A" * 2000)

    def callback(*_):
        one.publish("inside", buffer)
        buffer[:] = b"B" * 2000

    one.set_callback(callback)
    broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
    one.wait_msg()
    one.publish("outside", buffer)
    buffer[:] = b"x" * 2000
    one.publish("t", b"end", qos=1)
    got = [(message.topic, message.payload) for message in broker.messages()]
    assert got == [("inside", b"A" * 2000), ("outside", b"B" * 2000), ("t", b"end")]


# --- connected()


def test_connected_tells_this_attempt_s_refusal_and_no_earlier_one():
    async def main():
        broker = Broker(code=5)
        one = client(broker)
        assert isinstance(await outcome(one.__aenter__()), Refused)
        broker.code = 0
        async with one:
            assert one.up

    run(main())


def test_connected_asked_between_a_refusal_and_the_next_attempt_waits_for_that():
    async def main():
        broker = Broker(code=3)  # not available just now: tried again soon
        one = client(broker)
        one.start()
        while not one.failures:
            await one.progress()
        broker.code = 0
        await one.connected()
        broker.code = 3
        broker.streams[-1].end()
        while one.up:
            await one.progress()
        assert isinstance(await outcome(one.connected()), Refused)
        await one.stop()

    run(main())


# --- stop()


def test_stop_ends_every_waiter_with_an_error_of_that_name():
    async def main(silent):
        broker = Broker(acks=False)
        one = client(broker if not silent else never, queue=2)
        one.start()
        handed = one.hand_over("t", b"h")
        calls = [
            one.publish("t", b"1", qos=1),
            one.publish("t", b"2", qos=2),
            one.publish("t", b"3", qos=1),  # for which there is no room
            handed.wait(),
        ]
        if silent:
            calls += [one.connected(), one.subscribe("a", 1), one.unsubscribe("a")]
        else:
            await one.connected()
        tasks = [asyncio.create_task(outcome(call)) for call in calls]
        await asyncio.sleep_ms(20)
        tasks.append(asyncio.create_task(outcome(one.progress())))
        await asyncio.sleep_ms(0)
        assert not any(task.done() for task in tasks), silent
        await one.stop()
        for task in tasks:
            error = await task
            assert isinstance(error, Stopped) and isinstance(error, LinkError), error
            assert "stop" in str(error)
        assert one.outbox.count == 2  # what was taken stays

    for silent in (False, True):
        run(main(silent))


def test_stop_ends_who_waits_for_the_turn_that_a_throttle_gives():
    async def main():
        one = client(Broker(), throttle=Throttle(size=1))
        one.start()
        await one.publish("t", bytes(100), qos=1)  # the next may leave after 100 s
        handed = one.hand_over("t", b"h")
        calls = [one.publish("t", b"1", qos=qos) for qos in (0, 1, 2)] + [handed.wait()]
        tasks = [asyncio.create_task(outcome(call)) for call in calls]
        await asyncio.sleep_ms(20)
        assert not any(task.done() for task in tasks)
        await one.stop()
        for task in tasks:
            assert isinstance(await task, Stopped)
        assert one.outbox.count == 0  # nothing was taken

    run(main())


def never():
    raise OSError("nobody there")


def test_stop_ends_async_for():
    async def main():
        broker = Broker()
        one = client(broker)
        one.start()
        await one.subscribe("t")
        broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
        got = []

        async def read():
            async for topic, _, _ in one:
                got.append(topic)

        task = asyncio.create_task(read())
        while not got:
            await one.progress()
        await one.stop()
        await task
        assert got == ["t"]
        await read()  # after stop(): ends at once
        await outcome(client(broker).stop())
        one.start()
        await one.connected()
        task = asyncio.create_task(read())
        broker.streams[-1].arrive(b"\x30\x04\x00\x01u!")
        while len(got) < 2:
            await one.progress()
        await one.stop()
        await task
        assert got == ["t", "u"]

    run(main())


def test_a_call_after_stop_raises_at_once_and_one_after_the_next_start_works():
    async def main():
        broker = Broker()
        one = client(broker)
        one.start()
        await one.publish("t", b"1", qos=1)
        await one.stop()
        for call in (
            one.publish("t", b"0"),
            one.publish("t", b"2", qos=1),
            one.subscribe("t"),
            one.connected(),
            one.progress(),
            one.hand_over("t", b"3").wait(),
        ):
            assert isinstance(await outcome(call), Stopped)
        dialled = len(broker.streams)
        await asyncio.sleep_ms(20)
        assert len(broker.streams) == dialled == 1
        one.start()
        await one.publish("t", b"4", qos=1)
        await one.stop()
        assert [message.payload for message in broker.messages()] == [b"1", b"2", b"3", b"4"]

    run(main())


def test_stop_returns_whether_the_goodbye_has_left():
    """Behind what was leaving, and with nothing behind it."""

    async def main(stuck):
        broker = Broker(takes=100, every_ms=5)
        one = client(broker, window=1)
        assert not await one.stop()  # it was never started
        one.start()
        await one.connected()
        for payload in (b"x" * 1000, b"2", b"3"):
            one.post("t", payload)
        one.ping_due = True
        one.answer_ms = 100
        if stuck:
            broker.every_ms = 60_000
            await asyncio.sleep_ms(20)
        left = await one.stop()
        kinds = [packet[0] >> 4 for packet in broker.streams[0].sent]
        assert broker.streams[0].closed and not one.up
        assert len(broker.streams) == 1 and one.outbox.count == 3
        if stuck:
            assert not left and DISCONNECT not in kinds, (left, kinds)
        else:
            assert left and kinds == [CONNECT, PUBLISH, DISCONNECT], (left, kinds)
        assert not await one.stop()

    for stuck in (False, True):
        run(main(stuck))


def test_other_tasks_go_on_while_the_goodbye_waits_for_room():
    async def main():
        broker = Broker()
        one = client(broker)
        one.start()
        await one.connected()
        broker.takes = 100
        broker.every_ms = 60_000
        one.answer_ms = 300
        buffer = bytearray(b"x" * 1000)
        publish = asyncio.create_task(outcome(one.publish("t", buffer)))
        await asyncio.sleep_ms(0)
        stop = asyncio.create_task(one.stop())
        turns = 0
        while not stop.done():
            assert isinstance(await outcome(one.publish("t", b"1", qos=1)), Stopped)
            assert isinstance(await outcome(one.publish("t", b"0")), OSError)
            await asyncio.sleep_ms(10)
            turns += 1
        assert turns > 10 and not await stop, turns
        assert isinstance(await publish, Stopped)
        assert broker.streams[0].closed and len(broker.streams) == 1

    run(main())


def test_a_client_may_be_started_again_while_the_goodbye_waits_for_room():
    async def main():
        broker = Broker(takes=100, every_ms=5)
        one = client(broker)
        one.start()
        await one.connected()
        one.post("t", b"x" * 3000)
        stop = asyncio.create_task(one.stop())
        await asyncio.sleep_ms(20)
        assert not stop.done()
        one.start()
        await one.publish("t", b"2", qos=1)
        await stop
        assert await one.stop()

    run(main())


def test_stop_may_be_called_twice_or_cancelled():
    async def main():
        broker = Broker(takes=100, every_ms=5)
        one = client(broker)
        one.start()
        await one.connected()
        waiter = asyncio.create_task(outcome(one.publish("t", b"1", qos=1)))
        while not one.outbox.count:
            await asyncio.sleep_ms(0)
        assert one.post("t", b"x" * 2000, qos=0) in (-1, None)
        first, second = [asyncio.create_task(one.stop()) for _ in range(2)]
        await asyncio.sleep_ms(10)
        assert not await second and not first.done()
        first.cancel()
        try:
            await first
        except asyncio.CancelledError:
            pass
        assert isinstance(await waiter, Stopped)
        assert not one.up and broker.streams[0].closed

    run(main())


# --- "queue full" and "not connected" are two errors


def test_the_asyncio_client_says_which_of_the_two_it_is():
    async def main():
        one = client(never)
        one.start()
        error = await outcome(one.publish("t", b"1"))
        assert isinstance(error, LinkError) and "not connected" in str(error)
        assert "queue" not in str(error)
        await one.stop()

    run(main())


def test_the_blocking_client_says_which_of_the_two_it_is():
    broker = Broker(acks=False)
    one = MQTTClient("id", "host", dial=broker, queue=3)
    for qos in (0, 1):
        error = raised(one, qos)
        assert isinstance(error, LinkError) and "not connected: call connect()" in str(error)
    one = MQTTClient("id", "host", dial=broker, queue=3)
    one.connect()
    found = []

    def callback(*_):
        for _ in range(4):
            found.append(raised(one, 1))
        found.append(raised(one, 0))

    one.set_callback(callback)
    broker.streams[0].arrive(b"\x30\x04\x00\x01t!")
    one.wait_msg()
    full = found[3]
    assert found == [None, None, None, full, None]
    assert not isinstance(full, LinkError) and "queue full: 3 messages" in str(full)
    assert "`queue`" in str(full) and "not connected" not in str(full)


def raised(one, qos):
    try:
        one.publish("t", b"1", qos=qos)
    except OSError as error:
        return error
    return None
