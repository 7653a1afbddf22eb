"""Petrel's asyncio client at work. See meter for how it is called."""

import asyncio

from meter import (
    CLIENT_ID,
    HOST,
    IDLE_MS,
    IN_FLIGHT,
    OTHER,
    PAYLOAD,
    TOPIC,
    WARM_UP,
    arguments,
    print_modules,
    ready,
)

from mqtt.client import Client


async def connect(port, broker=HOST, **options):
    client = Client(broker, CLIENT_ID, port, **options)
    client.start()
    await client.publish(TOPIC, PAYLOAD, False, 1)  # returns when the connection stands
    return client


async def qos0(port, count, meter):
    await publish(port, count, meter, 0)


async def qos1(port, count, meter):
    await publish(port, count, meter, 1)


async def publish(port, count, meter, qos):
    client = await connect(port)
    for _ in range(WARM_UP):
        await client.publish(TOPIC, PAYLOAD, False, qos)
    meter.begin()
    for _ in range(count):
        await client.publish(TOPIC, PAYLOAD, False, qos)
    meter.sent()
    await client.publish(TOPIC, PAYLOAD, False, 1)  # the broker has taken them all
    meter.end(count)
    await client.stop()


async def pipelined(port, count, meter):
    client = await connect(port, queue=IN_FLIGHT, window=IN_FLIGHT)
    each = count // IN_FLIGHT

    async def publish():
        for _ in range(each):
            await client.publish(TOPIC, PAYLOAD, False, 1)

    meter.begin()
    await asyncio.gather(*[publish() for _ in range(IN_FLIGHT)])
    meter.end(each * IN_FLIGHT)
    await client.stop()


async def receive0(port, count, meter):
    await receive(port, count, meter, 0)


async def receive1(port, count, meter):
    await receive(port, count, meter, 1)


async def receive(port, count, meter, qos):
    left = WARM_UP + count
    done = asyncio.Event()

    def arrived(topic, payload, retained):
        nonlocal left
        left -= 1
        if left == count:
            meter.begin()
        elif not left:
            meter.end(count)
            done.set()

    client = await connect(port, on_message=arrived)
    await client.subscribe(TOPIC, qos)
    ready()
    await done.wait()
    await client.stop()


async def idle(port, _, meter):
    client = await connect(port)
    await client.subscribe(OTHER, 1)
    await asyncio.sleep_ms(100)
    meter.begin()
    await asyncio.sleep_ms(IDLE_MS)
    meter.end(IDLE_MS // 1000)
    await client.stop()


async def writes(port, count, _):
    from counted import Counted, dialler

    client = await connect(port, dialler(HOST, port))
    before = Counted.writes
    for _ in range(count):
        await client.publish(TOPIC, PAYLOAD, False, 1)
    print((Counted.writes - before) / count)
    await client.stop()


async def use(port, *_):
    """All that a program does over TCP, a reconnect included; prints what that has loaded."""
    received = []
    lost = []
    client = await connect(
        port,
        on_message=lambda topic, payload, retained: received.append(payload),
        on_lost=lost.append,
        backoff_ms=(1, 10),
    )
    await client.subscribe(TOPIC, 2)
    for qos in range(3):
        await client.publish(TOPIC, PAYLOAD, True, qos)
    while len(received) < 3:
        await asyncio.sleep_ms(1)
    taken_over(port)
    while not lost:
        await client.progress()
    await client.publish(TOPIC, b"", True, 1)  # over the next connection
    while client.untold:  # it is subscribed again
        await client.progress()
    await client.stop()
    print_modules()


def taken_over(port):
    """Another client of that name connects: the broker ends the first one's connection."""
    import raw_socket

    raw_socket.connect(port).close()


if __name__ == "__main__":
    mode, port, count, meter = arguments()
    asyncio.run(globals()[mode](port, count, meter))
