"""A handler for each filter; one of them is a coroutine that publishes."""

import asyncio
import sys

from mqtt.client import Client


async def main(host="localhost", port=1883):
    client = Client(host, "house", int(port))
    stop = asyncio.Event()

    async def set_lamp(topic, payload, retained):
        await client.publish(topic[:-3] + "state", payload, retain=True, qos=1)

    client.on("lamp/+/set", set_lamp)
    client.on("house/stop", lambda topic, payload, retained: stop.set())
    async with client:
        await client.subscribe([("lamp/+/set", 1), "house/stop"])
        await stop.wait()


asyncio.run(main(*sys.argv[1:]))
