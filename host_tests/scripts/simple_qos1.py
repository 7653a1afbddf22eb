# Publishes numbered messages with QoS 1 over the blocking client, reconnecting: PORT COUNT
import sys
import time

from mqtt.simple import MQTTClient

PORT, COUNT = (int(word) for word in sys.argv[1:3])
client = MQTTClient("publisher", "127.0.0.1", PORT, keepalive=10)
client.clean = False
client.reconnect()
print("connected")
lost = 0
for number in range(COUNT):
    try:
        client.publish("numbers", "%d" % number, qos=1)
    except OSError as error:  # it is kept, and sent again after the next connection
        print("lost", error)
        lost += 1
        client.reconnect()
    time.sleep_ms(2)
while client.outbox.count:
    client.check_msg()
client.disconnect()
print("done", lost)
