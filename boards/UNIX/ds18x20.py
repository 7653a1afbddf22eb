# Replaces micropython-lib's `ds18x20`, here and in firmware for the Pico. DS18B20 only.
from micropython import const

_FAMILY = const(0x28)
_CONVERT = const(0x44)
_READ = const(0xBE)
_SKIP = const(0xCC)


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] == _FAMILY]

    def convert_temp(self):
        self.ow.reset(True)
        self.ow.writebyte(_SKIP)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def read_temp(self, rom):
        data = self.read_scratch(rom)
        value = data[0] | data[1] << 8
        return (value - (value >> 15 << 16)) / 16
