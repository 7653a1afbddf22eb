"""Numbers for the topic `readings`, QoS 1, each acknowledged before the next, whatever happens.

Prints the heap that is free after the first readings, and the connections that were lost until
then; and both again at the end. By the first time a connection has to have been lost: what that
needs is loaded then, and stays.
"""

import asyncio
import gc

import line

TOPIC = "readings"
KEEPALIVE = 30
FIRST = 40  # readings


def tell(lost):
    gc.collect()
    print("free", gc.mem_free())
    print("lost", lost)


def blocking(count):
    client = line.blocking(KEEPALIVE)
    lost = 0
    for number in range(count):
        if number == FIRST:
            tell(lost)
        try:
            client.publish(TOPIC, b"%d" % number, False, 1)
        except OSError:  # the message was taken, and leaves first on the next connection
            lost += 1
            client.reconnect()
    while client.outbox.count:
        client.check_msg()
        client.wait(1)
    tell(lost)
    client.disconnect()


def waiting(count):
    asyncio.run(_waiting(count))


async def _waiting(count):
    client = line.waiting(KEEPALIVE)
    for number in range(count):
        if number == FIRST:
            tell(client.failures)
        await client.publish(TOPIC, b"%d" % number, False, 1)
    tell(client.failures)
    await client.stop()
