"""Connect, subscribe, 100 QoS 1 publishes with the blocking client, in a small heap."""

import sys

from mqtt.simple import MQTTClient

client = MQTTClient(sys.argv[2], "127.0.0.1", int(sys.argv[1]))
client.connect()
client.subscribe("bench/other", 1)
for _ in range(100):
    client.publish("bench/topic", b"x" * 64, False, 1)
print("done")
