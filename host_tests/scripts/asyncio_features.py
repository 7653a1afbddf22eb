# What the asyncio client offers beside publish and subscribe, against a real broker: PORT
import asyncio
import sys

from mqtt.client import Client

PORT = int(sys.argv[1])


def client(name, **options):
    return Client("127.0.0.1", name, PORT, keepalive=5, backoff_ms=(50, 200), **options)


async def every_qos_comes_back_in_order():
    async with client("order") as one:
        await one.subscribe([("order/#", 2), "other"], 1)
        for number in range(12):
            await one.publish("order/%d" % number, "m%d" % number, qos=number % 3)
        numbers = []
        async for topic, payload, retained in one:
            assert not retained
            assert topic == "order/" + payload.decode()[1:]
            numbers.append(int(payload[1:]))
            if len(numbers) == 12:
                break
        assert sorted(numbers) == list(range(12))
        while one.unreleased:  # the last PUBREL
            await one.progress()


async def a_handler_may_publish():
    done = asyncio.Event()
    async with client("handler") as one:

        async def answer(topic, payload, _):
            await one.publish("answer", payload, qos=1)

        one.on("question/+", answer)
        one.on("answer", lambda *_: done.set())
        await one.subscribe(["question/+", "answer"], 1)
        await one.publish("question/1", "why", qos=1)
        await asyncio.wait_for(done.wait(), 5)


async def two_hundred_messages_each_published_from_a_handler():
    count = 0
    async with client("recursion", queue=400) as one:

        def post(topic, payload, retained):
            nonlocal count
            count += 1
            assert one.post("echo", payload) is not None

        one.on_message = post
        await one.subscribe("burst", 1)
        for number in range(200):
            while one.outbox.count > 100:
                await one.progress()
            one.post("burst", b"%d" % number)
        while count < 200 or one.outbox.count:
            await one.progress()
        assert one.handler_errors == 0


async def unsubscribed_is_quiet():
    got = []
    async with client("quiet", on_message=lambda *message: got.append(message)) as one:
        await one.subscribe(["a", "b"], 1)
        await one.unsubscribe(["a", "b"])
        await one.publish("a", "x", qos=1)
        await one.subscribe("b", 1)
        await one.publish("b", "y", qos=1)
        while not got:
            await one.progress()
        assert got == [("b", b"y", False)], got


async def handed_over():
    async with client("handed", queue=2, window=2) as one:
        latest = [one.hand_over("latest", b"%d" % n, policy="latest") for n in range(5)]
        await latest[-1].wait()
        assert [handle.dropped for handle in latest] == [True] * 4 + [False]
        oldest = [one.hand_over("o", b"%d" % n, policy="oldest", limit=3) for n in range(5)]
        for handle in oldest[2:]:
            await handle.wait()
        assert [handle.dropped for handle in oldest] == [True, True, False, False, False]
        try:
            await oldest[0].wait()
            raise AssertionError("a message that was dropped is done")
        except OSError:
            pass
        kept = [one.hand_over("r", b"x", limit=2) for _ in range(2)]
        try:
            one.hand_over("r", b"x", limit=2)
            raise AssertionError("a third was taken")
        except OSError:
            pass
        for handle in kept:
            await handle.wait()


async def cancelled():
    async with client("cancelled") as one:
        task = asyncio.create_task(one.publish("c", "x", qos=1))
        await asyncio.sleep_ms(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        await asyncio.wait_for(one.publish("c", "y", qos=2), 5)
        assert one.outbox.count == 0
        assert one.connects == 1


async def the_second_broker_of_a_list_is_found():
    nobody = Client(["127.0.0.1", "127.0.0.1"], "list", PORT)  # two, to be told apart below
    nobody.dials[0] = refuses
    async with nobody as one:
        await one.publish("list", "x", qos=1)
        assert one.failures == 1


def refuses():
    raise OSError(111)


async def what_cannot_work_is_refused_at_once():
    for options in (
        {"client_id": "", "clean": False},  # [MQTT-3.1.3-7]
        {"will": ("a/#", "x", 0, False)},
        {"will": ("a", "x", 3, False)},  # [MQTT-3.1.2-14]
        {"password": "secret"},  # [MQTT-3.1.2-22]
        {"keepalive": 65536},
    ):
        try:
            Client("127.0.0.1", options.pop("client_id", "id"), PORT, **options)
            raise AssertionError("accepted")
        except ValueError:
            pass
    async with client("bad") as one:
        for call in (
            one.publish("a/+", "x"), one.publish("a", "x", qos=3), one.publish("", "x"),
            one.subscribe([]), one.subscribe("a", 3), one.subscribe(["ok", "a#"]),
        ):  # fmt: skip
            try:
                await call
                raise AssertionError("accepted")
            except ValueError:
                pass
        assert not one.filters
        assert one.connects == 1


async def main():
    for check in (
        every_qos_comes_back_in_order, a_handler_may_publish,
        two_hundred_messages_each_published_from_a_handler, unsubscribed_is_quiet, handed_over,
        cancelled, the_second_broker_of_a_list_is_found, what_cannot_work_is_refused_at_once,
    ):  # fmt: skip
        await asyncio.wait_for(check(), 20)
        print(check.__name__)
    print("done")


asyncio.run(main())
