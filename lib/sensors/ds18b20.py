"""DS18B20: temperature, on a 1-Wire bus, through MicroPython's own `onewire` and `ds18x20`."""

from micropython import const

USES = "bare"
_TRIES = const(3)
_CONVERT = const(0x44)
_TIME_MS = const(751)  # 750 for 12 bit, 19-7487, table 2; and one, for a tick is cut off


def options():
    """The options of the driver: name -> (default,)."""
    return {"rom": ("",)}


def demands(given):
    """What the check of a config asks: whether the rom is one."""
    rom = given["rom"].lower()
    if rom and (len(rom) != 16 or not all(each in "0123456789abcdef" for each in rom)):
        return {"wrong": 'rom: "%s" is wrong; 16 digits of 0-9 a-f, or leave it out' % rom}
    return {}


class Ds18b20:
    """Temperature, -55 to 125 C, in steps of 0.0625.

    pin: a machine.Pin, with 4.7 kilohms to 3.3 V; rom: 16 digits, of one probe among several on
    the wire; without it there must be one alone
    bad: checksums that were wrong; each is read again, three times in all
    Several on a wire measure one beside the other.
    """

    FIELDS = (("temperature", "C", 2),)

    def __init__(self, pin, rom=""):
        # Not every port has them, nor stubs of them.
        onewire = __import__("onewire")
        self.part = __import__("ds18x20").DS18X20(onewire.OneWire(pin))
        self.bad = 0
        self._nobody = onewire.OneWireError
        found = [bytes(each) for each in self.part.scan()]
        names = ", ".join([each.hex() for each in found])
        if not found:
            self._silent()
        if not rom and len(found) > 1:
            raise ValueError("ds18b20: there are several, give rom: one of " + names)
        self.rom = bytes.fromhex(rom) if rom else found[0]
        if self.rom not in found:
            raise ValueError("ds18b20: no %s on the wire; there are %s" % (rom, names))

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError if nothing answers."""
        wire = self.part.ow
        if not wire.reset():
            self._silent()
        # Not convert_temp(), which has all on the wire begin anew, one that measures too.
        wire.select_rom(self.rom)
        wire.writebyte(_CONVERT)
        return _TIME_MS

    def read(self):
        """Return (C,).

        Raises OSError if nothing answers, ValueError for bad checksums alone, and where the power
        is weak.
        """
        for _ in range(_TRIES):
            try:
                celsius = self.part.read_temp(self.rom)
            except self._nobody:
                self._silent()
            except Exception as error:  # that is what ds18x20 raises
                if str(error) != "CRC error":
                    raise
                if min(self.part.buf) == 0xFF:  # others answer on the wire, it does not
                    self._silent()
                self.bad += 1
                continue
            if not max(self.part.buf):  # the checksum of nothing is 0, too
                raise OSError("ds18b20: the wire is held low; check it for a short")
            if celsius == 85:  # what it holds before the first measurement
                raise ValueError("ds18b20: it lost its power while it measured")
            return (celsius,)
        raise ValueError("ds18b20: bad checksum, three times; check the wire and pull-up")

    def _silent(self):
        raise OSError("ds18b20: no answer; check the pin, its pull-up and power")


DRIVER = Ds18b20
