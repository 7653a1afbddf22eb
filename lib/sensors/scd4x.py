"""Sensirion SCD40, SCD41: carbon dioxide, temperature, humidity. Source: SCD4x datasheet 1.4."""

from micropython import const

from sensors.shared.crc8 import crc8
from sensors.shared.i2c import Part

USES = "i2c"
_BEGIN = b"\x21\xb1"  # a measurement every 5 s
_READY = b"\xe4\xb8"
_READ = b"\xec\x05"
_ANSWER_MS = const(2)  # 1 ms from command to answer, table 9; plus 1, as a tick is cut off
_TIME_MS = const(5001)  # between two measurements; plus 1


def options():
    """Return the options: name -> (default, lowest, highest)."""
    return {"address": (0x62, 0x62, 0x62)}


class Scd4x(Part):
    """Carbon dioxide, up to 40000 ppm (accurate from 400 to 5000); temperature, -10 to 60 C, in
    steps of 0.01; humidity, 0 to 100 %, in steps of 0.01.

    bus: a machine.I2C
    address: always 0x62

    From the first reading on the part measures every 5 s on its own.
    """

    NAME = "scd4x"
    FIELDS = (("carbon_dioxide", "ppm", 0), ("temperature", "C", 2), ("humidity", "%", 2))
    # Tables 1 to 3. 0 ppm means a failed measurement (as in Sensirion's example code).
    LIMITS = (1, 40_000, -10, 60, 0, 100)

    def __init__(self, bus, address=0x62):
        super().__init__(bus, address)
        self._data = bytearray(9)
        self._begun = False
        self._asked = b""  # the command waiting for its answer
        self._waits = 0

    def start(self):
        """Ask whether a measurement is ready; return the ms to the answer. Raises OSError."""
        self._waits = 1
        self._asked = b""
        if self._begun:
            return self._ask(_READY)
        # It refuses if it has been measuring since before our reset.
        ms = _TIME_MS if self._begin() else self._ask(_READY)
        self._begun = True
        return ms

    def read(self):
        """Return (ppm, C, %), or the ms until the next step.

        Raises ValueError if no measurement comes in time, for a bad checksum, and for values
        outside the part's range.
        """
        asked, self._asked = self._asked, b""
        if not asked:
            return self._ask(_READY)
        if asked == _READY:
            data = self._words(1)
            if data[0] & 7 or data[1]:
                return self._ask(_READ)
            if self._waits:
                self._waits -= 1
                self._begin()  # needed after a loss of power; otherwise the part refuses
                return _TIME_MS
            self._begun = False
            self.wrong("no measurement yet")
        data = self._words(3)
        temperature = ((data[3] << 8 | data[4]) * 17_500 + 32_768 >> 16) - 4500
        humidity = (data[6] << 8 | data[7]) * 10_000 + 32_768 >> 16
        return self.within(data[0] << 8 | data[1], temperature / 100, humidity / 100)

    def _begin(self):
        """Make it measure every 5 s; return whether it wasn't doing so already."""
        try:
            self.bus.writeto(self.address, _BEGIN)
        except OSError:
            return False
        return True

    def _ask(self, command):
        self.write(command)
        self._asked = command
        return _ANSWER_MS

    def _words(self, count):
        """Read an answer: words, each with a checksum."""
        data = memoryview(self._data)[: 3 * count]
        self.into(data)
        for i in range(0, 3 * count, 3):
            if crc8(data[i : i + 3]):
                self.wrong("bad checksum: check the wires, and keep them short")
        return data


DRIVER = Scd4x
