"""MicroPython's `dht`, over the kernel's dht11 driver, which knows the DHT22 as well.

In config.txt: dtoverlay=dht11,gpiopin=4
"""

from boards.RPI import sysfs


class DHTBase:
    def __init__(self, pin):
        self.buf = bytearray(5)
        self._folder = _of(pin.id)

    def measure(self):
        celsius = round(sysfs.number(self._folder / "in_temp_input") / 100)
        percent = round(sysfs.number(self._folder / "in_humidityrelative_input") / 100)
        self.buf[:4] = self.encoded(celsius, percent)
        self.buf[4] = sum(self.buf[:4]) & 0xFF


class DHT11(DHTBase):
    def encoded(self, celsius, percent):
        """As the part would have sent them: tenths."""
        sign = 0x80 if celsius < 0 else 0
        celsius = abs(celsius)
        return bytes((percent // 10, percent % 10, celsius // 10, celsius % 10 | sign))


class DHT22(DHTBase):
    def encoded(self, celsius, percent):
        raw = 0x8000 - celsius if celsius < 0 else celsius
        return percent.to_bytes(2, "big") + raw.to_bytes(2, "big")


def _of(pin):
    found = [(name, folder) for name, folder in sysfs.iio() if name.startswith("dht11")]
    exact = [folder for name, folder in found if name == "dht11@%x" % pin]
    if exact or len(found) == 1:
        return exact[0] if exact else found[0][1]
    raise OSError(
        "no dht11 of the kernel's on GPIO%d: add dtoverlay=dht11,gpiopin=%d to "
        "/boot/firmware/config.txt" % (pin, pin)
    )
