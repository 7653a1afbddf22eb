"""MicroPython's `ds18x20`, over the kernel's w1 driver."""


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] == 0x28]

    def read_temp(self, rom):
        self.buf[:] = self.ow.measured(rom)
        value = self.buf[0] | self.buf[1] << 8
        return (value - (value >> 15 << 16)) / 16
