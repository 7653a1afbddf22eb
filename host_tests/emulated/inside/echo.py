"""Answers every message for `to/cortex` with its payload to `from/cortex`, QoS 1 both ways."""

import asyncio

import line

KEEPALIVE = 30


def blocking(count):
    got = []
    client = line.blocking(KEEPALIVE)
    client.set_callback(lambda topic, payload: got.append(payload))
    client.subscribe("to/cortex", 1)
    print("ready")
    for number in range(count):
        while len(got) <= number:
            client.wait_msg()
        client.publish("from/cortex", got[number], False, 1)
    client.disconnect()


def waiting(count):
    asyncio.run(_waiting(count))


async def _waiting(count):
    client = line.waiting(KEEPALIVE)
    await client.subscribe("to/cortex", 1)
    print("ready")
    async for _, payload, _ in client:
        await client.publish("from/cortex", payload, False, 1)
        count -= 1
        if not count:
            break
    await client.stop()
