"""Publish readings with asyncio; publish() waits out an outage while other tasks run."""

import asyncio
import sys

from mqtt.client import Client


async def main(host="localhost", port=1883):
    async with Client(host, "thermometer", int(port)) as client:
        for reading in ("21.4", "21.5", "21.7"):
            await client.publish("room/temperature", reading, qos=1)
            await asyncio.sleep_ms(100)


asyncio.run(main(*sys.argv[1:]))
