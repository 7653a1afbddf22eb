"""Print every message under room/, forever."""

import sys

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
client = MQTTClient("display", host, int(port), keepalive=60)
client.set_callback(lambda topic, msg: print(topic.decode(), msg.decode()))
client.connect()
client.subscribe("room/#", qos=1)
while True:
    client.wait_msg()  # also answers the broker, which keeps the connection alive
