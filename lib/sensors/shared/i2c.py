"""What parts on an I2C bus share: access, and errors that say what to look at."""

from micropython import const

_ETIMEDOUT = const((110, 116))  # Linux's number, newlib's
_NOBODY = const(0x7F)  # a reserved address
_STUCK = const("the bus is stuck, %s is held low: check the wires, then the power")


class Part:
    """A part at an address of a bus.

    bus: a machine.I2C or SoftI2C
    address: 8 to 119

    All calls raise OSError, with the name of the part, its address, and what to check.
    """

    NAME = "part"
    FIELDS: tuple = ()
    LIMITS: tuple = ()  # the least and the most of the first field, of the second, ...

    def __init__(self, bus, address):
        self.bus = bus
        self.address = address

    def write(self, data):
        """Write bytes."""
        try:
            self.bus.writeto(self.address, data)
        except OSError as error:
            self.failed(error)

    def into(self, buffer):
        """Read as many bytes as the buffer holds."""
        try:
            self.bus.readfrom_into(self.address, buffer)
        except OSError as error:
            self.failed(error)

    def get(self, register, buffer):
        """Read registers from one on, in one transfer, into a buffer; returns the buffer."""
        try:
            self.bus.readfrom_mem_into(self.address, register, buffer)
        except OSError as error:
            self.failed(error)
        return buffer

    def put(self, register, data):
        """Write registers from one on."""
        try:
            self.bus.writeto_mem(self.address, register, data)
        except OSError as error:
            self.failed(error)

    def failed(self, error):
        """Raise what came from the bus, as somebody with the wires in hand needs to read it."""
        if error.errno in _ETIMEDOUT:
            what = _STUCK % "SDA or SCL"
        else:
            seen = ", ".join(["0x%02x" % address for address in self._scan()])
            what = "no answer, check SDA, SCL and power; on the bus: " + (seen or "nothing")
        raise OSError("%s at 0x%02x: %s" % (self.NAME, self.address, what))

    def within(self, *values):
        """Return the values. Raises ValueError for one that the part cannot measure."""
        limits = self.LIMITS
        for i in range(0, len(limits), 2):
            if not limits[i] <= values[i // 2] <= limits[i + 1]:
                what = self.FIELDS[i // 2][:2] + (values[i // 2], limits[i], limits[i + 1])
                self.wrong("%s in %s: %g; it measures %g to %g" % what)
        return values

    def wrong(self, what):
        """Raise ValueError, for an answer that cannot be right; OSError if the bus is stuck."""
        self.held()
        raise ValueError("%s at 0x%02x: %s" % (self.NAME, self.address, what))

    def held(self):
        """Raise OSError if SDA is held low: then all is acknowledged, and each byte a 0."""
        try:
            self.bus.writeto(_NOBODY, b"")
        except OSError:  # as it should be
            return
        raise OSError("%s at 0x%02x: %s" % (self.NAME, self.address, _STUCK % "SDA"))

    def _scan(self):
        try:
            return self.bus.scan()
        except OSError:
            return ()
