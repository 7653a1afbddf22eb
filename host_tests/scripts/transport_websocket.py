# Connects over a WebSocket with each client: URL CLIENT SIZE CA ("-" for none), and prints "done"
# once SIZE bytes have come back six times, or how it was refused.
import asyncio
import sys

from mqtt.client import Client
from mqtt.simple import MQTTClient
from mqtt.websocket import websocket

URL, CLIENT, SIZE, CA = sys.argv[1:]
PAYLOAD = bytes(number & 255 for number in range(int(SIZE)))
dial = websocket(URL, **({} if CA == "-" else {"ca": CA, "name": "broker.test"}))


def blocking():
    got = []
    client = MQTTClient("ws", None, dial=dial, keepalive=10)
    client.set_callback(lambda topic, payload: got.append(payload))
    for _ in range(2):
        try:
            client.connect(timeout=3)
        except OSError as error:
            print("refused", error)
            return
        client.subscribe("ws", 1)
        for _ in range(6):
            client.publish("ws", PAYLOAD, qos=1)
        while len(got) < 6:
            client.wait_msg()
        assert got == [PAYLOAD] * 6
        got.clear()
        client.ping()
        client.disconnect()
    print("done")


async def waiting():
    got = []
    lost = []

    def arrived(topic, payload, retained):
        got.append(payload)

    client = Client(
        dial, "ws", on_message=arrived, on_lost=lost.append, buffer=int(SIZE) + 64,
        backoff_ms=(50, 100),
    )  # fmt: skip
    client.connect_ms = 3000
    client.start()
    while not (client.up or lost):
        await client.progress()
    if lost:
        print("refused", lost[0])
        return
    await client.subscribe("ws", 1)
    for _ in range(6):
        await client.publish("ws", PAYLOAD, qos=1)
    while len(got) < 6:
        await client.progress()
    assert got == [PAYLOAD] * 6 and not lost
    await client.stop()
    print("done")


blocking() if CLIENT == "blocking" else asyncio.run(waiting())
