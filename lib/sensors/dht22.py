"""DHT22 (AM2302): temperature and humidity, through MicroPython's `dht` module.

Source: Aosong AM2302 product manual, table 1 (range) and section 7.2 (data).
"""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

USES = "bare"
_TRIES = const(3)


def options():
    """Return no options: the driver has none of its own."""
    return {}


class Dht22:
    """Temperature, -40 to 80 C, in steps of 0.1; humidity, 0 to 100 %, in steps of 0.1.

    pin: a machine.Pin, with 4.7 to 10 kilohms to 3.3 V
    bad: counts bad checksums; after one the driver asks again, three times in all

    It answers every 2 s at most; a reading waits for that.
    """

    FIELDS = (("temperature", "C", 1), ("humidity", "%", 1))
    LIMITS = (-40, 80, 0, 100)  # lowest and highest C, then %
    KIND = "DHT22"
    PAUSE_MS = 2001  # between two answers; plus 1 because a tick is cut off

    def __init__(self, pin):
        import dht

        self.part = getattr(dht, self.KIND)(pin)
        self.bad = 0
        self._tries = _TRIES
        self._asked = ticks_add(ticks_ms(), -self.PAUSE_MS)

    def start(self):
        """Return the ms until the part answers again; 0 if it is ready."""
        self._tries = _TRIES
        left = self.PAUSE_MS - ticks_diff(ticks_ms(), self._asked)
        return left if 0 < left <= self.PAUSE_MS else 0

    def read(self):
        """Return (C, %), or after a bad checksum the ms until the next try.

        Raises OSError if nothing answers, and ValueError if every checksum is bad or the values
        are outside the part's range.
        """
        try:
            self.part.measure()
        except OSError:
            raise OSError("%s: no answer; check the pin, its pull-up and power" % self.KIND)
        except Exception as error:  # MicroPython's dht raises no better class
            if str(error) != "checksum error":
                raise
            self.bad += 1
            self._tries -= 1
            if self._tries > 0:
                return self.PAUSE_MS
            raise ValueError("%s: bad checksum three times; use a shorter wire" % self.KIND)
        finally:
            self._asked = ticks_ms()
        data = self.part.buf
        celsius, percent = self.decode(data)
        least, most, dry, wet = self.LIMITS
        # All zeros have a good checksum as well.
        if not (max(data) and least <= celsius <= most and dry <= percent <= wet):
            what = self.KIND, celsius, percent, least, most, dry, wet
            raise ValueError(
                "%s: %.1f C, %.1f %%; it measures %d to %d C, %d to %d %%: check the wire, and "
                "which kind it is" % what
            )
        return celsius, percent

    def decode(self, data):
        """Decode five bytes to C and %."""
        raw = data[2] << 8 | data[3]
        if raw > 0xBFFF:  # some makers use two's complement
            raw -= 0x10000
        elif raw & 0x8000:  # the manual says sign and magnitude
            raw = 0x8000 - raw
        return raw / 10, (data[0] << 8 | data[1]) / 10


DRIVER = Dht22
