"""DS18B20: temperature, on a 1-Wire bus, through MicroPython's own `onewire` and `ds18x20`.

Source: Maxim 19-7487, Rev 6. After power-on the part holds 85 C, which is no measurement. Its
scratchpad tells whether 85 is one: byte 6 is 0x0C after power-on, and 0x10 with a measurement of
85 in Maxim's parts (AN4377). In many clones it never changes; so the alarm bytes, which nobody
here uses, get values that are lost with the power.
"""

from micropython import const

USES = "bare"
_TRIES = const(3)
_CONVERT = const(0x44)
_ALARMS = b"\x2a\xd5"
_WRITE = b"\x4e" + _ALARMS + b"\x7f"  # the alarms, and 12 bit
_UNMEASURED = const(0x0C)
_TIME_MS = const(751)  # 750 for 12 bit, 19-7487, table 2; plus one, as a tick is cut off


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

    pin: a machine.Pin, with 4.7 kilohms to 3.3 V
    rom: the 16 digits of the probe, where several are on the wire; leave it out for a single one
    bad: counts the checksums that were wrong; the part is then read again, three times in all

    Several probes on a wire measure at the same time.
    """

    FIELDS = (("temperature", "C", 2),)

    def __init__(self, pin, rom=""):
        # Not every port has them, nor stubs of them.
        onewire = __import__("onewire")
        self.part = __import__("ds18x20").DS18X20(onewire.OneWire(pin))
        self.bad = 0
        self._marked = False  # the alarms are ours
        self._nobody = onewire.OneWireError
        found = [bytes(each) for each in self.part.scan()]
        names = ", ".join([each.hex() for each in found])
        if not found:
            self._silent()
        if not rom and len(found) > 1:
            raise ValueError("ds18b20: several are on the wire; set rom to one of " + names)
        self.rom = bytes.fromhex(rom) if rom else found[0]
        if self.rom not in found:
            raise ValueError("ds18b20: %s is not on the wire; there are %s" % (rom, names))

    def start(self):
        """Begin a measurement; returns the ms it takes. Raises OSError if nothing answers."""
        wire = self.part.ow
        if not wire.reset():
            self._silent()
        if not self._marked:
            wire.select_rom(self.rom)
            wire.write(_WRITE)
            self._marked = True
        # Not convert_temp(), which has all on the wire begin again, one that measures too.
        wire.select_rom(self.rom)
        wire.writebyte(_CONVERT)
        return _TIME_MS

    def read(self):
        """Return (C,).

        Raises OSError if nothing answers, ValueError for bad checksums alone, for what it cannot
        measure, and where the power is weak.
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
            data = self.part.buf
            if not max(data):  # the checksum of nothing is 0, too
                raise OSError("ds18b20: the wire is held low; check it for a short")
            if celsius == 85 and data[6] == _UNMEASURED and data[2:4] != _ALARMS:
                self._marked = False
                raise ValueError("ds18b20: it lost its power while it measured")
            if not -55 <= celsius <= 125:  # table 1; 127.94 is a measurement that failed
                raise ValueError("ds18b20: %g C; it measures -55 to 125 C" % celsius)
            return (celsius,)
        raise ValueError("ds18b20: bad checksum three times; check the wire and pull-up")

    def _silent(self):
        raise OSError("ds18b20: no answer; check the pin, its pull-up and power")


DRIVER = Ds18b20
