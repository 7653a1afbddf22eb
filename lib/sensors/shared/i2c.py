"""What parts on an I2C bus share: access, and errors that say what to check."""

from micropython import const

_ETIMEDOUT = const((110, 116))  # Linux's number, newlib's
_NOBODY = const(0x7F)  # a reserved address
_STUCK = const("the bus is stuck, %s is held low: check the wires, then the power")


class Part:
    """A part at an address on a bus.

    bus: a machine.I2C or SoftI2C
    address: 8 to 119

    All calls raise OSError with the part's name, its address, and what to check.
    """

    NAME = "part"
    FIELDS: tuple = ()
    LIMITS: tuple = ()  # lowest and highest value of the first field, the second, ...

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
        """Read bytes until the buffer is full."""
        try:
            self.bus.readfrom_into(self.address, buffer)
        except OSError as error:
            self.failed(error)

    def get(self, register, buffer):
        """Read consecutive registers into a buffer, in one transfer; return the buffer."""
        try:
            self.bus.readfrom_mem_into(self.address, register, buffer)
        except OSError as error:
            self.failed(error)
        return buffer

    def put(self, register, data):
        """Write consecutive registers."""
        try:
            self.bus.writeto_mem(self.address, register, data)
        except OSError as error:
            self.failed(error)

    def failed(self, error):
        """Raise a bus error in words that help someone with a wire in hand."""
        if error.errno in _ETIMEDOUT:
            what = _STUCK % "SDA or SCL"
        else:
            seen = ", ".join(["0x%02x" % address for address in self._scan()])
            what = "no answer, check SDA, SCL and power; on the bus: " + (seen or "nothing")
        raise OSError("%s at 0x%02x: %s" % (self.NAME, self.address, what))

    def within(self, *values):
        """Return the values. Raises ValueError if one is outside the part's range."""
        limits = self.LIMITS
        for i in range(0, len(limits), 2):
            if not limits[i] <= values[i // 2] <= limits[i + 1]:
                what = self.FIELDS[i // 2][:2] + (values[i // 2], limits[i], limits[i + 1])
                self.wrong("%s in %s: %g; it measures %g to %g" % what)
        return values

    def wrong(self, what):
        """Raise ValueError for an answer that can't be right; OSError if the bus is stuck."""
        self.held()
        raise ValueError("%s at 0x%02x: %s" % (self.NAME, self.address, what))

    def held(self):
        """Raise OSError if SDA is held low: that looks like an acknowledge and zeros."""
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
