"""Hand messages over without waiting; a policy says which to drop when too many wait."""

import asyncio
import sys

from mqtt.client import Client


async def main(host="localhost", port=1883):
    async with Client(host, "meter", int(port), queue=4) as client:
        for level in range(10):  # only the newest level matters
            client.hand_over("tank/level", str(level), policy="latest")
        for line in range(10):  # of a log, keep the last lines
            client.hand_over("tank/log", str(line), policy="oldest", limit=5)
        alarm = client.hand_over("tank/alarm", "full")  # never dropped
        await alarm.wait()  # until the broker has acknowledged it


asyncio.run(main(*sys.argv[1:]))
