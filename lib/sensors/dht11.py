"""DHT11: temperature and humidity, through MicroPython's `dht` module.

Source: ASAIR DHT11 manual 1.3, sections 2 (range) and 7.3 (data). Older parts measure 0 to 50 C.
"""

from sensors.dht22 import Dht22

USES = "bare"


def options():
    """Return no options: the driver has none of its own."""
    return {}


class Dht11(Dht22):
    """Temperature, -20 to 60 C; humidity, 5 to 95 %; in steps of 0.1 (older parts: 1).

    pin: a machine.Pin, with 4.7 to 10 kilohms to 3.3 V
    bad: counts bad checksums; after one the driver asks again, three times in all

    It answers once a second at most; a reading waits for that.
    """

    LIMITS = (-20, 60, 5, 95)
    KIND = "DHT11"
    PAUSE_MS = 1001

    def decode(self, data):
        """Decode five bytes to C and %: wholes and tenths; bit 7 of C's tenths is a minus."""
        tenths = data[3] & 0x7F
        if tenths > 9 or data[1] > 9:
            raise ValueError("DHT11: %d and %d tenths; use the driver dht22" % (tenths, data[1]))
        celsius = data[2] + tenths / 10
        return -celsius if data[3] & 0x80 else celsius, data[0] + data[1] / 10


DRIVER = Dht11
