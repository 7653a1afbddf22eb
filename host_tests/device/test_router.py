# heap: 64K
"""Handlers by filter, and the inbox behind `async for`."""

import asyncio

from memory_broker import Broker

from mqtt.client import Client
from mqtt.engine.router import Router


def test_every_handler_that_matches_is_called_and_else_the_one_for_the_rest():
    called = []
    router = Router(lambda *message: called.append(("rest",) + message), None)
    router.add("a/+", lambda *message: called.append(("plus",) + message))
    router.add("a/b", lambda *message: called.append(("exact",) + message))
    router.route("a/b", b"1", False)
    router.route("c", b"2", True)
    assert called == [
        ("plus", "a/b", b"1", False),
        ("exact", "a/b", b"1", False),
        ("rest", "c", b"2", True),
    ]
    router.remove("a/+")
    router.route("a/c", b"3", False)
    assert called[-1] == ("rest", "a/c", b"3", False)


def test_a_handler_that_raises_does_not_keep_the_others_from_it():
    called = []
    caught = []

    def bad(*_):
        raise KeyError("x")

    router = Router(None, caught.append)
    router.add("#", bad)
    router.add("a", lambda *message: called.append(message))
    router.add("a", bad)
    router.route("a", b"1", False)
    assert called == [("a", b"1", False)]
    router.route("b", b"1", False)
    assert [type(error) for error in caught] == [KeyError] * 3


def test_a_coroutine_runs_by_itself():
    called = []

    async def handler(topic, payload, retained):
        await asyncio.sleep_ms(0)
        called.append(topic)

    async def main():
        router = Router(None, None)
        router.add("a", handler)
        router.route("a", b"1", False)
        assert not called
        await asyncio.sleep_ms(5)

    asyncio.run(main())
    assert called == ["a"]


def test_a_full_inbox_drops_the_oldest_and_counts_it():
    broker = Broker()
    got = []

    async def main():
        async with Client(broker, "id") as client:
            client.__aiter__()
            await client.connected()
            for number in range(35):
                broker.streams[0].arrive(b"\x30\x05\x00\x01t%02d" % number)
            while client.dropped < 3:
                await client.progress()
        async for _, payload, _ in client:  # what is there can be fetched after stop()
            got.append(int(payload))
        return client.dropped

    assert asyncio.run(main()) == 3
    assert got == list(range(3, 35))
