"""I2C through the kernel's /dev/i2c-*, with smbus2."""

from boards.RPI import sysfs

_BUSES = {(2, 3): 1, (0, 1): 0}  # (SDA, SCL): the kernel's number
_NOBODY = (6, 121)  # ENXIO, EREMOTEIO: how the kernel's drivers tell that nothing answers
_ENODEV = 19


def bus_of(number):
    """Return the number of the kernel's bus that a pin belongs to, if the bus is switched on."""
    for pins, bus in _BUSES.items():
        if number in pins and (sysfs.root / "dev" / ("i2c-%d" % bus)).exists():
            return bus
    return None


class I2C:
    """A bus of the kernel's; the pins say which."""

    def __init__(self, id=-1, *, scl, sda, freq=400_000, timeout=50_000):
        pins = sda.id, scl.id
        if pins not in _BUSES:
            raise ValueError("sda, scl: GPIO%d and GPIO%d are no I2C bus; use 2 and 3" % pins)
        path = sysfs.root / "dev" / ("i2c-%d" % _BUSES[pins])
        if not path.exists():
            raise OSError("there is no %s: switch I2C on with raspi-config" % path)
        try:
            from smbus2 import SMBus, i2c_msg
        except ImportError:
            raise OSError("smbus2 is not installed: pip install 'petrel[linux]'") from None
        self._msg = i2c_msg
        try:
            self._bus = SMBus(str(path))
        except PermissionError:
            raise PermissionError(
                13, "no access to %s: add your user to the group i2c, then log in again" % path
            ) from None

    def _transfer(self, *messages):
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            if error.errno in _NOBODY:
                raise OSError(_ENODEV, "no answer") from None
            raise
        return bytes(messages[-1])

    def scan(self):
        found = []
        for address in range(0x08, 0x78):
            try:
                self._transfer(self._msg.read(address, 1))
                found.append(address)
            except OSError as error:
                if error.errno != _ENODEV:
                    raise
        return found

    def writeto(self, address, data, stop=True):
        self._transfer(self._msg.write(address, bytes(data)))
        return len(data)

    def readfrom(self, address, count, stop=True):
        return self._transfer(self._msg.read(address, count))

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self.readfrom(address, len(buffer))

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        return self._transfer(
            self._msg.write(address, bytes((register,))), self._msg.read(address, count)
        )

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        buffer[:] = self.readfrom_mem(address, register, len(buffer))

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(self._msg.write(address, bytes((register,)) + bytes(data)))
