"""DHT11: temperature and humidity, through MicroPython's own `dht`.

Source: ASAIR DHT11 manual 1.3, 2 (range) and 7.3 (data); older parts end at 0 and 50 C.
"""

from sensors.dht22 import Dht22

USES = "bare"


def options():
    """The driver has no options of its own."""
    return {}


class Dht11(Dht22):
    """Temperature, -20 to 60 C; humidity, 5 to 95 %; in steps of 0.1, older parts of 1.

    pin: a machine.Pin, with 4.7 to 10 kilohms to 3.3 V
    bad: counts the checksums that were wrong; the part is then asked again, three times in all

    It answers once a second; a reading waits for that.
    """

    LIMITS = (-20, 60, 5, 95)
    KIND = "DHT11"
    PAUSE_MS = 1001

    def decode(self, data):
        """C and % of five bytes: wholes, each with its tenths; bit 7 of those of C is a minus."""
        tenths = data[3] & 0x7F
        if tenths > 9 or data[1] > 9:
            raise ValueError("DHT11: %d and %d tenths; use the driver dht22" % (tenths, data[1]))
        celsius = data[2] + tenths / 10
        return -celsius if data[3] & 0x80 else celsius, data[0] + data[1] / 10


DRIVER = Dht11
