"""DHT11: temperature and humidity, through MicroPython's own `dht`."""

from sensors.dht22 import Dht22

USES = "bare"


def options():
    """The driver has no options of its own."""
    return {}


class Dht11(Dht22):
    """Temperature, 0 to 50 C, in steps of 1; humidity, 20 to 90 %, in steps of 1.

    pin: a machine.Pin, with 10 kilohms to 3.3 V. It answers every second: start() tells how long
    to wait. bad: checksums that were wrong; each is tried again, three times in all
    """

    KIND = "DHT11"
    PAUSE_MS = 1001


DRIVER = Dht11
