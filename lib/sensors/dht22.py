"""DHT22 (AM2302): temperature and humidity, through MicroPython's own `dht`."""

from micropython import const

USES = "bare"
_TRIES = const(3)


def options():
    """The driver has no options of its own."""
    return {}


class Dht22:
    """Temperature, -40 to 80 C, in steps of 0.1; humidity, 0 to 100 %, in steps of 0.1.

    pin: a machine.Pin, with 10 kilohms to 3.3 V. Not to be read more often than every 2 s.
    bad: checksums that were wrong; each is tried again, three times in all
    """

    FIELDS = (("temperature", "C"), ("humidity", "%"))
    KIND = "DHT22"

    def __init__(self, pin):
        import dht

        self.part = getattr(dht, self.KIND)(pin)
        self.bad = 0

    def start(self):
        """Nothing to start: returns 0 ms."""
        return 0

    def read(self):
        """Return (C, %). Raises OSError if nothing answers, ValueError for bad checksums alone."""
        for _ in range(_TRIES):
            try:
                self.part.measure()
                return self.part.temperature(), self.part.humidity()
            except OSError:
                raise OSError("%s: no answer; check the pin, its pull-up and power" % self.KIND)
            except Exception as error:  # that is what MicroPython's dht raises
                if str(error) != "checksum error":
                    raise
                self.bad += 1
        raise ValueError("%s: bad checksum, three times; use a shorter wire" % self.KIND)


DRIVER = Dht22
