"""DS18B20: temperature, on a 1-Wire bus, through MicroPython's own `onewire` and `ds18x20`."""

from micropython import const

USES = "bare"
_TRIES = const(3)
_TIME_MS = const(751)  # 750 for 12 bit, 19-7487, table 2; and one, for a tick is cut off


def options():
    """The options of the driver: name -> (default,)."""
    return {"rom": ("",)}


class Ds18b20:
    """Temperature, -55 to 125 C, in steps of 0.0625.

    pin: a machine.Pin, with 4.7 kilohms to 3.3 V; rom: 16 digits, of one probe among several on
    the wire; without it there must be one alone
    bad: checksums that were wrong; each is read again, three times in all
    """

    FIELDS = (("temperature", "C"),)

    def __init__(self, pin, rom=""):
        # Not every port has them, nor stubs of them.
        self.part = __import__("ds18x20").DS18X20(__import__("onewire").OneWire(pin))
        self.bad = 0
        found = [bytes(each) for each in self.part.scan()]
        names = ", ".join([each.hex() for each in found])
        if not found:
            raise OSError("ds18b20: no answer; check the pin, its pull-up and power")
        if not rom and len(found) > 1:
            raise ValueError("ds18b20: there are several, give rom: one of " + names)
        self.rom = bytes.fromhex(rom) if rom else found[0]
        if self.rom not in found:
            raise ValueError("ds18b20: no %s on the wire; there are %s" % (rom, names))

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError if nothing answers."""
        try:
            self.part.convert_temp()
        except Exception as error:  # onewire raises its own
            raise OSError("ds18b20: no answer; check the pin, its pull-up and power") from error
        return _TIME_MS

    def read(self):
        """Return (C,). Raises ValueError for bad checksums alone, and where the power is weak."""
        for _ in range(_TRIES):
            try:
                celsius = self.part.read_temp(self.rom)
            except Exception:  # "CRC error", or nothing on the wire
                self.bad += 1
                continue
            if celsius == 85:  # what it holds before the first measurement
                raise ValueError("ds18b20: it lost its power while it measured")
            return (celsius,)
        raise ValueError("ds18b20: bad checksum, three times; check the wire and pull-up")


DRIVER = Ds18b20
