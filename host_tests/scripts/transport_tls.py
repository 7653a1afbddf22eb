# Connects over TLS with each client and prints what became of it: PORT CLIENT HOST CA CERT KEY
# ("-" for none; CA may be "trust"). Where it connects, 100 KB come and go.
import asyncio
import sys

from mqtt.client import Client
from mqtt.simple import MQTTClient
from mqtt.tls import tls

PORT, CLIENT, HOST, CA, CERT, KEY = [None if word == "-" else word for word in sys.argv[1:]]
LARGE = b"0123456789" * 1600
options = {"verify": False} if CA == "trust" else {"ca": CA}
dial = tls("127.0.0.1", int(PORT), cert=CERT, key=KEY, name=HOST, **options)


def blocking():
    got = []
    client = MQTTClient("tls", None, dial=dial, keepalive=10, user="u", password="secret")
    client.set_callback(lambda topic, payload: got.append(payload))
    try:
        client.connect(timeout=5)
        client.subscribe("t", 1)
    except OSError as error:
        print("refused", error)
        return
    for _ in range(6):
        client.publish("t", LARGE, qos=1)
    while len(got) < 6:
        client.wait_msg()
    assert got == [LARGE] * 6
    client.disconnect()
    print("done")


async def waiting():
    got = []
    lost = []

    class Sink:
        size = 0

        def write(self, piece):
            self.size += len(piece)

        def close(self):
            got.append(self.size)

    client = Client(
        dial, "tls", on_lost=lost.append, backoff_ms=(50, 100), on_large=lambda *_: Sink(),
        user="u", password="secret",
    )  # fmt: skip
    client.start()
    while not (client.up or lost):
        await client.progress()
    if lost:
        print("refused", lost[0])
        return
    await client.subscribe("t", 1)
    if lost:
        print("refused", lost[0])
        return
    for _ in range(6):
        await client.publish("t", LARGE, qos=1)
    while len(got) < 6:
        await client.progress()
    assert got == [len(LARGE)] * 6
    await client.stop()
    print("done")


blocking() if CLIENT == "blocking" else asyncio.run(waiting())
