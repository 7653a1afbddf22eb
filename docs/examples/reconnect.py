"""Count, over any outage: a QoS 1 message that was taken is sent again after reconnect()."""

import sys
from time import sleep_ms

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
client = MQTTClient("counter", host, int(port), keepalive=10)
client.reconnect()  # tries until the broker is there
for number in range(100):
    try:
        client.publish("count", str(number), qos=1)
    except OSError as error:  # the link is gone; the message waits in the queue
        print("lost:", error)
        client.reconnect()
    sleep_ms(20)
while client.outbox.count:  # what was taken and not acknowledged yet
    client.check_msg()
client.disconnect()
