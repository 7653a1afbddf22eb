"""Take messages one by one until one says stop."""

import asyncio
import sys

from mqtt.client import Client


async def main(host="localhost", port=1883):
    async with Client(host, "display", int(port)) as client:
        await client.subscribe([("room/#", 1), "display/stop"])
        async for topic, payload, retained in client:
            if topic == "display/stop":
                break
            print(topic, payload.decode(), "(retained)" if retained else "")


asyncio.run(main(*sys.argv[1:]))
