"""Publish over TLS. ca.pem is the authority that signed the broker's certificate."""

import sys

from mqtt.simple import MQTTClient

host, port, ca = sys.argv[1:] or ("localhost", 8883, "ca.pem")
client = MQTTClient("thermometer", host, int(port), ssl=True, ssl_params={"cadata": ca})
client.connect()  # the clock must be right, because certificates have dates
client.publish("room/temperature", "21.5", qos=1)
client.disconnect()
