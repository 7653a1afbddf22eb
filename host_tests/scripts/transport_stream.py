# Publishes to itself over an open file descriptor, with each client: FD CLIENT
import asyncio
import sys

from mqtt.client import Client
from mqtt.simple import MQTTClient
from mqtt.stream import stream

port = open(int(sys.argv[1]), "r+b")  # noqa: SIM115
dial = stream(port)


def blocking():
    got = []
    client = MQTTClient("serial", None, dial=dial, keepalive=10)
    client.set_callback(lambda topic, payload: got.append(payload))
    for _ in range(2):
        client.connect()
        client.subscribe("s", 1)
        for number in range(10):
            client.publish("s", b"%d" % number, qos=1)
        while len(got) < 10:
            client.wait_msg()
        assert got == [b"%d" % number for number in range(10)], got
        got.clear()
        client.hang_up()  # the serial line stays, and the next connection uses it
    print("done")


async def waiting():
    got = []
    client = Client(dial, "serial", on_message=lambda *message: got.append(message))
    async with client:
        await client.subscribe("s", 1)
        for number in range(10):
            await client.publish("s", b"%d" % number, qos=1)
        while len(got) < 10:
            await client.progress()
    print("done")


blocking() if sys.argv[2] == "blocking" else asyncio.run(waiting())
