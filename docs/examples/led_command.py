"""Switch an LED by messages on led/set, and report its state on led/state."""

import sys

from machine import Pin

from mqtt.simple import MQTTClient


def serve(client, led):
    def command(topic, msg):
        led.value(msg == b"on")
        client.publish("led/state", "on" if led.value() else "off", retain=True, qos=1)

    client.set_callback(command)
    client.connect()
    client.subscribe("led/set", qos=1)
    while True:
        client.wait_msg()


host, port = sys.argv[1:] or ("localhost", 1883)
serve(MQTTClient("led", host, int(port), keepalive=60), Pin(2, Pin.OUT))
