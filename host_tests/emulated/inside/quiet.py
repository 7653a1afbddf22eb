"""Connected, and nothing to say: only the keep alive tells that the broker is there."""

import asyncio

import line

KEEPALIVE = 1


def blocking():
    client = line.blocking(KEEPALIVE)
    print("ready")
    try:
        client.wait_msg()
    except OSError as error:
        print("lost:", error)
    client.reconnect()
    client.publish("back", b"", False, 1)
    client.disconnect()


def waiting():
    asyncio.run(_waiting())


async def _waiting():
    lost = asyncio.Event()

    def on_lost(error):
        print("lost:", error)
        lost.set()

    client = line.waiting(KEEPALIVE, on_lost=on_lost)
    await client.connected()
    print("ready")
    await lost.wait()
    await client.publish("back", b"", False, 1)
    await client.stop()
