"""DS18B20: temperature on a 1-Wire bus, through MicroPython's `onewire` and `ds18x20` modules.

Source: Maxim 19-7487, Rev 6. After power-on the part reads 85 C without having measured. In
Maxim's parts byte 6 of the scratchpad tells that from a real 85 C: it is 0x0C after power-on and
0x10 after a measurement (AN4377). In many clones it never changes. So the driver also writes
values of its own into the alarm bytes, which nothing here uses: a loss of power erases them.
"""

from micropython import const

USES = "bare"
_TRIES = const(3)
_CONVERT = const(0x44)
_ALARMS = b"\x2a\xd5"
_WRITE = b"\x4e" + _ALARMS + b"\x7f"  # the alarms, and 12-bit resolution
_UNMEASURED = const(0x0C)
_TIME_MS = const(751)  # 750 ms for 12 bits, table 2; plus 1 because a tick is cut off


def options():
    """Return the options: name -> (default,)."""
    return {"rom": ("",)}


def demands(given):
    """Tell the config check what is wrong with the rom, if anything."""
    rom = given["rom"].lower()
    if rom and (len(rom) != 16 or not all(each in "0123456789abcdef" for each in rom)):
        return {"wrong": 'rom: "%s" is wrong; 16 digits of 0-9 a-f, or leave it out' % rom}
    return {}


class Ds18b20:
    """Temperature, -55 to 125 C, in steps of 0.0625.

    pin: a machine.Pin, with 4.7 kilohms to 3.3 V
    rom: the probe's 16 hex digits, if several are on the wire; leave it out for a single probe
    bad: counts bad checksums; after one the driver reads again, three times in all

    Several probes on one wire can measure at the same time.
    """

    FIELDS = (("temperature", "C", 2),)

    def __init__(self, pin, rom=""):
        # Not every port has these modules, or type stubs for them.
        onewire = __import__("onewire")
        self.part = __import__("ds18x20").DS18X20(onewire.OneWire(pin))
        self.bad = 0
        self._marked = False  # our alarm bytes are in the part
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
        """Start a measurement; return the ms it takes. Raises OSError if nothing answers."""
        wire = self.part.ow
        if not wire.reset():
            self._silent()
        if not self._marked:
            wire.select_rom(self.rom)
            wire.write(_WRITE)
            self._marked = True
        # Not convert_temp(): it restarts every probe on the wire, even one that is measuring.
        wire.select_rom(self.rom)
        wire.writebyte(_CONVERT)
        return _TIME_MS

    def read(self):
        """Return (C,).

        Raises OSError if nothing answers, and ValueError if every checksum is bad, the value is
        outside the part's range, or the power is weak.
        """
        for _ in range(_TRIES):
            try:
                celsius = self.part.read_temp(self.rom)
            except self._nobody:
                self._silent()
            except Exception as error:  # ds18x20 raises no better class
                if str(error) != "CRC error":
                    raise
                if min(self.part.buf) == 0xFF:  # only other probes answered
                    self._silent()
                self.bad += 1
                continue
            data = self.part.buf
            if not max(data):  # all zeros have a good checksum, too
                raise OSError("ds18b20: the wire is held low; check it for a short")
            if celsius == 85 and data[6] == _UNMEASURED and data[2:4] != _ALARMS:
                self._marked = False
                raise ValueError("ds18b20: it lost its power while it measured")
            if not -55 <= celsius <= 125:  # table 1; 127.94 is a failed measurement
                raise ValueError("ds18b20: %g C; it measures -55 to 125 C" % celsius)
            return (celsius,)
        raise ValueError("ds18b20: bad checksum three times; check the wire and pull-up")

    def _silent(self):
        raise OSError("ds18b20: no answer; check the pin, its pull-up and power")


DRIVER = Ds18b20
