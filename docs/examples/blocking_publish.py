"""Publish one reading; return when the broker has acknowledged it."""

import sys

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
client = MQTTClient("thermometer", host, int(port))
client.connect()
client.publish("room/temperature", "21.5", retain=True, qos=1)
client.disconnect()
