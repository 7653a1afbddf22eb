# An I2C bus with a BME280 on it, at 21.5 C, 1013.25 hPa, 45 %; all other parts say 0x55.
from micropython import const

_REGISTERS = const(
    (
        (0x88, b"pkCg\x18\xfc}\x8eC\xd6\xd0\x0b'\x0b\x8c\x00\xf9\xff\x8c<\xf8\xc6p\x17"),
        (0xA1, b"K"),
        (0xD0, b"\x60"),
        (0xE1, b"r\x01\x00\x13)\x03\x1e"),
        (0xF3, b"\x00"),
        (0xF7, b'c\x9d\x80|"\xb0m\x87'),
    )
)


class SoftI2C:
    """What is on it."""

    def __init__(self, **_):
        pass

    def readfrom_mem_into(self, address, register, buffer):
        said = None
        for each, data in _REGISTERS:
            if each == register and address == 0x76:
                said = data
        for i in range(len(buffer)):
            buffer[i] = said[i] if said else 0x55

    def writeto_mem(self, *_):
        pass

    def writeto(self, *_):
        pass

    def readfrom_into(self, _, buffer):
        for i in range(len(buffer)):
            buffer[i] = 0x55

    def scan(self):
        return []
