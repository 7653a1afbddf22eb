# A client on a link with a round trip of seconds: PORT CLIENT CA ("-": without TLS). It connects,
# subscribes and publishes; then it says how long it took to connect, and how often.
import asyncio
import sys
from time import ticks_diff, ticks_ms

from mqtt.client import Client
from mqtt.simple import MQTTClient

PORT, CLIENT, CA = sys.argv[1:]
COUNT = 5
NAME = CLIENT + CA[-1]
TIMES = {"answer_ms": 15_000, "keepalive": 10}  # connect_ms is the one that a client has by itself
dial = None
if CA != "-":
    from mqtt.tls import tls

    dial = tls("127.0.0.1", int(PORT), ca=CA, name="broker.test")
began = ticks_ms()


def done(client, took, got, lost):
    assert sorted(got) == [b"%d" % i for i in range(COUNT)], got
    print("connected after %d ms, %d connections, lost %r" % (took, client.connects, lost))


def blocking():
    got = []
    client = MQTTClient(NAME, "127.0.0.1", int(PORT), dial=dial, **TIMES)
    client.set_callback(lambda topic, payload: got.append(payload))
    client.connect()
    took = ticks_diff(ticks_ms(), began)
    client.subscribe(NAME, 1)
    for i in range(COUNT):
        client.post(NAME, b"%d" % i)
    while len(got) < COUNT or client.outbox.count:
        client.check_msg()
        client.wait(100)
    done(client, took, got, [])
    client.disconnect()


async def waiting():
    got = []
    lost = []
    client = Client(
        dial or "127.0.0.1", NAME, int(PORT), on_lost=lambda error: lost.append(str(error)),
        on_message=lambda topic, payload, retained: got.append(payload), **TIMES
    )  # fmt: skip
    async with client:
        took = ticks_diff(ticks_ms(), began)
        await client.subscribe(NAME, 1)
        for i in range(COUNT):
            client.post(NAME, b"%d" % i)
        while len(got) < COUNT or client.outbox.count:
            await client.progress()
        done(client, took, got, lost)


blocking() if CLIENT == "blocking" else asyncio.run(waiting())
