# As reporter.py, with the asyncio client, each publish awaited: HOST PORT KEEPALIVE.
import asyncio
import sys

from mqtt.client import Client

HOST, PORT, KEEPALIVE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main():
    async with Client(HOST, "reporter", PORT, keepalive=KEEPALIVE, clean=False) as client:
        number = 0
        while True:
            number += 1
            await client.publish("petrel/reporter/n", '{"seq": %d}' % number, qos=1)
            await asyncio.sleep_ms(50)


asyncio.run(main())
