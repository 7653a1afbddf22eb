"""Connect, subscribe, 100 QoS 1 publishes with the asyncio client, in a small heap."""

import asyncio
import sys

from mqtt.client import Client


def lost(error):
    raise SystemExit(1)  # not enough memory: the client would try again forever


async def main():
    client = Client("127.0.0.1", sys.argv[2], int(sys.argv[1]), on_lost=lost)
    client.start()
    await client.subscribe("bench/other", 1)
    for _ in range(100):
        await client.publish("bench/topic", b"x" * 64, False, 1)
    print("done")


asyncio.run(main())
