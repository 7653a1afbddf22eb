"""Numbers for the topic `readings`, QoS 1, in frames over UART 1 to a bridge; see readings.py."""

import gc

from line import BUFFER, NAME
from machine import UART

from mqtt.serial import serial
from mqtt.simple import MQTTClient


def blocking(count, first):
    client = MQTTClient(NAME, None, dial=serial(UART(1)), keepalive=30, buffer=BUFFER)
    client.reconnect()
    print("connected")
    lost = 0
    for number in range(count):
        if number == first:
            gc.collect()
            print("free", gc.mem_free())
        try:
            client.publish("readings", b"%d" % number, False, 1)
        except OSError:  # the message was taken, and leaves first on the next connection
            lost += 1
            client.reconnect()
    gc.collect()
    print("free", gc.mem_free())
    print("lost", lost)
