"""Publish each press and release of a button between a pin and GND."""

import sys
from time import sleep_ms

from machine import Pin

from mqtt.simple import MQTTClient

host, port = sys.argv[1:] or ("localhost", 1883)
button = Pin(4, Pin.IN, Pin.PULL_UP)
client = MQTTClient("button", host, int(port), keepalive=60)
client.connect()
level = None
while True:
    if button.value() != level:
        level = button.value()
        client.publish("button", "released" if level else "pressed", qos=1)
    client.check_msg()  # doesn't wait; keeps the connection alive
    sleep_ms(20)  # longer than the contacts bounce
