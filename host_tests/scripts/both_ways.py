# Each client subscribes to what it publishes, QoS 0 and 1, retained and large: PORT
import asyncio
import sys

from mqtt.client import Client
from mqtt.simple import MQTTClient

PORT = int(sys.argv[1])
LARGE = b"x" * 3000


def blocking():
    got = []
    client = MQTTClient("blocking", "127.0.0.1", PORT, keepalive=5, buffer=4096)
    client.set_callback(lambda topic, payload: got.append((topic, payload)))
    assert client.connect() is False
    client.subscribe("b/#", 1)
    for number in range(20):
        client.publish("b/n", "%d" % number, qos=number & 1)
    client.publish("b/large", LARGE, qos=1)
    client.publish("b/kept", "here", retain=True, qos=1)
    client.ping()
    while len(got) < 22:
        client.wait_msg()
    assert [payload for topic, payload in got[:20]] == [b"%d" % n for n in range(20)]
    assert got[20] == (b"b/large", LARGE)
    client.disconnect()
    try:
        client.publish("b/n", "x")
        raise AssertionError("published without a connection")
    except OSError:
        pass


async def waiting():
    got = []

    def keep(topic, payload, retained):
        got.append((topic, payload, retained))

    client = Client("127.0.0.1", "waiting", PORT, on_message=keep, buffer=4096)
    client.start()
    await client.subscribe("b/kept", 1)
    await client.subscribe("a/+", 1)
    for number in range(20):
        await client.publish("a/n", "%d" % number, qos=number & 1)
    await client.publish("a/large", LARGE, qos=1)
    while len(got) < 22:
        await asyncio.sleep_ms(5)
    assert got[0] == ("b/kept", b"here", True), got[0]
    assert [payload for topic, payload, retained in got[1:21]] == [b"%d" % n for n in range(20)]
    assert got[21] == ("a/large", LARGE, False)
    try:
        await client.subscribe("a/#/b")
        raise AssertionError("a bad filter was accepted")
    except ValueError:
        pass
    await client.stop()


blocking()
asyncio.run(waiting())
print("done")
