# Replaces MicroPython's `onewire`; the bench plays the wire, byte by byte.
from bench import ask


class OneWireError(Exception):
    pass


class OneWire:
    def __init__(self, pin):
        self.pin = pin

    def reset(self, required=False):
        there = ask("wire", self.pin.id, "reset") == "1"
        if required and not there:
            raise OneWireError
        return there

    def readinto(self, buffer):
        buffer[:] = bytes.fromhex(ask("wire", self.pin.id, "read", len(buffer)))

    def write(self, data):
        ask("wire", self.pin.id, "write", bytes(data).hex())

    def writebyte(self, value):
        self.write(bytes((value,)))

    def select_rom(self, rom):
        self.reset()
        self.write(b"\x55" + rom)

    def scan(self):
        found = ask("wire", self.pin.id, "search") or ""
        return [bytearray(bytes.fromhex(word)) for word in found.split()]

    def crc8(self, data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc
