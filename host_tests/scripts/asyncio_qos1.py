# Posts numbered messages with QoS 1 until all were acknowledged: PORT COUNT CLEAN
import asyncio
import sys

from mqtt.client import Client

PORT, COUNT, CLEAN = (int(word) for word in sys.argv[1:4])


async def main():
    def lost(error):
        print("lost", error)

    client = Client(
        "127.0.0.1", "publisher", PORT, queue=16, clean=bool(CLEAN), backoff_ms=(200, 1000),
        on_connect=lambda: print("connected"), on_lost=lost,
    )  # fmt: skip
    client.start()
    for number in range(COUNT):
        while client.outbox.count == 16:
            await asyncio.sleep_ms(5)
        client.post("numbers", "%d" % number)
        await asyncio.sleep_ms(2)
    while client.outbox.count:
        await asyncio.sleep_ms(10)
    await client.stop()
    print("done", client.connects, client.failures, client.outbox.refused)


asyncio.run(main())
