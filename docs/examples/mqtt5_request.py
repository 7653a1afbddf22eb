"""Send a request and wait for the answer, with MQTT 5 properties."""

import asyncio
import sys

from mqtt.client import Client


async def main(host="localhost", port=1883):
    async with Client(host, "asker", int(port), version=5) as client:
        await client.subscribe("asker/answers", 1)
        question = {"response_topic": "asker/answers", "correlation_data": b"1"}
        await client.publish("clock/ask", "what time is it?", qos=1, properties=question)
        async for _, payload, _, properties in client:
            if properties.get("correlation_data") == b"1":
                print(payload.decode())
                break


asyncio.run(main(*sys.argv[1:]))
