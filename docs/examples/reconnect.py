"""Count through any outage: after reconnect(), QoS 1 messages that were taken are sent again."""

import sys
from time import sleep_ms

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
client = MQTTClient("counter", host, int(port), keepalive=10)
client.reconnect()  # tries until the broker answers
for number in range(100):
    try:
        client.publish("count", str(number), qos=1)
    except OSError as error:  # the link is gone; the message waits in the queue
        print("lost:", error)
        client.reconnect()
    sleep_ms(20)
while client.outbox.count:  # until the broker has acknowledged everything
    client.check_msg()
client.disconnect()
