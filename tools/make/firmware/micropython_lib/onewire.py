# Stands in for micropython-lib's `onewire`, over the same C module of the port: `_onewire` makes
# the time slots, here is the order of the bits (Maxim's application note 187 for the search).
import _onewire
from micropython import const

_MATCH = const(0x55)
_SEARCH = const(0xF0)


class OneWireError(Exception):
    pass


class OneWire:
    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        there = _onewire.reset(self.pin)
        if required and not there:
            raise OneWireError
        return there

    def readbyte(self):
        return _onewire.readbyte(self.pin)

    def readinto(self, buffer):
        for i in range(len(buffer)):
            buffer[i] = _onewire.readbyte(self.pin)

    def writebyte(self, value):
        _onewire.writebyte(self.pin, value)

    def write(self, data):
        for value in data:
            _onewire.writebyte(self.pin, value)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(_MATCH)
        self.write(rom)

    def crc8(self, data):
        return _onewire.crc8(data)

    def scan(self):
        found = []
        known = bytearray(8)
        fork = -1  # the last place where there were both bits, and 0 was taken
        while True:
            rom, fork = self._search(known, fork)
            if rom is None:
                return found
            found.append(rom)
            if fork < 0:
                return found
            known = rom

    def _search(self, known, turn):
        """One device: as `known` up to the place `turn`, 1 there, and 0 first from there on."""
        if not self.reset():
            return None, -1
        self.writebyte(_SEARCH)
        rom = bytearray(8)
        fork = -1
        for place in range(64):
            first = _onewire.readbit(self.pin)
            other = _onewire.readbit(self.pin)
            if first and other:
                return None, -1
            bit = first
            if not first and not other:
                bit = known[place >> 3] >> (place & 7) & 1 if place < turn else int(place == turn)
                if not bit:
                    fork = place
            _onewire.writebit(self.pin, bit)
            rom[place >> 3] |= bit << (place & 7)
        return rom, fork
