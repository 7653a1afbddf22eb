# heap: 256K
"""Messages handed over: one that cannot be sent fails alone, and the rest go on."""

import asyncio

from memory_broker import Broker

from mqtt.client import Client
from mqtt.throttle import Throttle


def run(coroutine, seconds=20):
    """Fails where somebody waits forever."""
    asyncio.new_event_loop()
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


async def outcome(handle):
    """What wait() of a handle raises; None if it returns."""
    try:
        await handle.wait()
    except Exception as error:
        return error
    return None


async def outcomes(handles):
    found = []
    for handle in handles:
        found.append(await outcome(handle))
    return found


def payloads(broker):
    return [bytes(message.payload) for message in broker.messages()]


def test_a_message_that_cannot_be_sent_fails_its_own_handle_and_the_rest_go_on():
    async def main():
        broker = Broker()
        async with Client(broker, "id", queue=2) as one:
            bad = [
                one.hand_over("t", b"", qos=3),
                one.hand_over("t", b"", qos=-1),
                one.hand_over("t", b"", properties={"message_expiry": 1}),  # needs MQTT 5
            ]
            good = [one.hand_over("t", b"%d" % i) for i in range(5)]
            for handle, word in zip(bad, ("QoS 3", "QoS -1", "version=5")):
                error = await outcome(handle)
                assert isinstance(error, ValueError) and word in str(error), error
                assert not handle.done() and handle.error is error
            for handle in good:
                assert await outcome(handle) is None and handle.done()
        assert payloads(broker) == [b"%d" % i for i in range(5)]

    run(main())


class Outbox5(Broker):
    """Speaks MQTT 5."""

    def answer(self, packet):
        if packet[0] == 0x10:
            return b"\x20\x03\x00\x00\x00"
        return super().answer(packet)


def test_a_bad_property_fails_its_own_handle():
    async def main():
        async with Client(Outbox5(), "id", version=5) as one:
            bad = one.hand_over("t", "x", properties={"colour": "red"})
            good = one.hand_over("t", "x", properties={"message_expiry": 5})
            error = await outcome(bad)
            assert isinstance(error, ValueError) and "colour" in str(error), error
            assert await outcome(good) is None

    run(main())


def test_a_message_that_finds_no_memory_fails_alone():
    async def main():
        broker = Broker()
        async with Client(broker, "id") as one:
            post = one.post
            left = [1]

            def short(*args):
                if left:
                    left.pop()
                    raise MemoryError("for a moment")
                return post(*args)

            one.post = short
            errors = await outcomes([one.hand_over("t", b"%d" % i) for i in range(3)])
            assert [error and type(error) for error in errors] == [MemoryError, None, None]

    run(main())


def test_a_memory_error_before_its_turn_costs_no_message():
    class Short(Throttle):
        left = 2

        async def turn(self, size):
            if self.left:
                self.left -= 1
                raise MemoryError("for a moment")

    async def main():
        broker = Broker()
        async with Client(broker, "id", throttle=Short()) as one:
            handles = [one.hand_over("t", b"%d" % i) for i in range(3)]
            assert await outcomes(handles) == [None] * 3
        assert payloads(broker) == [b"0", b"1", b"2"]

    run(main())


def test_a_throttle_that_raises_fails_its_message_alone():
    class Faulty(Throttle):
        failed = False

        async def turn(self, size):
            if size == 3:
                raise KeyError("throttle")

    async def main():
        broker = Broker()
        async with Client(broker, "id", throttle=Faulty()) as one:
            handles = [one.hand_over("t", payload) for payload in (b"1", b"333", b"2")]
            errors = await outcomes(handles)
            assert [error and type(error) for error in errors] == [None, KeyError, None]

    run(main())


class FullFlash:
    """Makes an outbox refuse, as one on flash does, although it has places."""

    def __init__(self, outbox):
        self._put = outbox.put
        self.free = 0
        outbox.put = self.put

    def put(self, *message):
        if not self.free:
            return None
        self.free -= 1
        return self._put(*message)


def test_where_the_outbox_refuses_it_waits_while_that_may_help():
    async def main():
        broker = Broker(acks=False)
        async with Client(broker, "id") as one:
            flash = FullFlash(one.outbox)
            error = await outcome(one.hand_over("t", b"a"))  # nothing is held that could leave
            assert isinstance(error, OSError) and "queue full" in str(error), error
            flash.free = 1
            first, second = one.hand_over("t", b"b"), one.hand_over("t", b"c")
            while not payloads(broker):
                await one.progress()
            assert second.number is None and second.error is None
            flash.free = 1
            broker.acks = True
            broker.streams[0].arrive(broker.answer(broker.streams[0].sent[-1]))
            assert await outcome(first) is None and await outcome(second) is None
        assert payloads(broker) == [b"b", b"c"]

    run(main())


def test_the_caller_may_use_its_buffer_again_at_once():
    async def main():
        broker = Broker()
        one = Client(broker, "id")
        buffer = bytearray(b"reading")
        handles = [one.hand_over("t", buffer), one.hand_over("t", memoryview(buffer)[:4])]
        buffer[:] = b"another"
        one.start()
        for handle in handles:
            await handle.wait()
        await one.stop()
        assert payloads(broker) == [b"reading", b"read"]

    run(main())


def test_who_waits_for_a_message_that_gives_way_is_told_at_once():
    async def main():
        one = Client(Broker(), "id", queue=1)
        one.post("t", b"0")  # which is the only place
        for policy, limit in (("oldest", 1), ("latest", 9)):
            first = one.hand_over("t", b"1", policy=policy, limit=limit)
            task = asyncio.create_task(outcome(first))
            await asyncio.sleep_ms(0)
            one.hand_over("t", b"2", policy=policy, limit=limit)
            assert first.dropped
            error = await task
            assert isinstance(error, OSError) and "dropped" in str(error)

    run(main(), 2)


def test_what_waits_at_stop_is_sent_after_the_next_start():
    async def main():
        broker = Broker(acks=False)
        one = Client(broker, "id", queue=1)
        one.start()
        handles = [one.hand_over("t", b"%d" % i) for i in range(3)]
        while not payloads(broker):
            await one.progress()
        await one.stop()
        assert [handle.done() for handle in handles] == [False] * 3
        broker.acks = True
        one.start()
        for handle in handles:
            await handle.wait()
        await one.stop()
        assert payloads(broker) == [b"0", b"0", b"1", b"2"]

    run(main())
