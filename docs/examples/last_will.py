"""Publish "online", retained; the broker publishes "offline" if the connection dies."""

import sys

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
client = MQTTClient("pump", host, int(port), keepalive=30)
client.set_last_will("pump/status", "offline", retain=True, qos=1)
client.connect()
client.publish("pump/status", "online", retain=True, qos=1)
client.subscribe("pump/stop")
client.wait_msg()  # pull the plug here and the broker publishes the last will
client.publish("pump/status", "stopped", retain=True, qos=1)
client.disconnect()  # a clean goodbye: no last will
