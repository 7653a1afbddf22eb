# Stands in for MicroPython's `ds18x20`.
from onewire import OneWireError

_CONVERT = 0x44
_READ = 0xBE


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

    def convert_temp(self):
        if not self.ow.reset():
            raise OneWireError
        self.ow.write(b"\xcc" + bytes((_CONVERT,)))

    def read_scratch(self, rom):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def read_temp(self, rom):
        buf = self.read_scratch(rom)
        value = buf[1] << 8 | buf[0]
        return (value - ((value & 0x8000) << 1)) / 16
