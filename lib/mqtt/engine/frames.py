"""Frames on a serial line, for mqtt.serial: how a piece of data is wrapped, and found again.

A frame is a begin mark, its bytes and an end mark. Whatever of its bytes is below 0x20 is escaped,
so that no mark, no Ctrl-C and nothing else that a terminal or a REPL obeys occurs within it. What
is between frames is somebody's text. The bytes: kind, connection (3), number, length, data,
and the CRC-32 of all that, the low byte first. A frame that was damaged is dropped and counted.
"""

from micropython import const

_BEGIN = const(0x1E)
_END = const(0x1F)
_ESCAPE = const(0x1D)
_MARKED = const(0x40)  # what is added to an escaped byte
_HEAD = const(6)
_CRC = const(4)

# CRC-32 of IEEE 802.3, four bits at a time, in two halves: a whole one would cost heap.
_LOW = (
    0x0000, 0x1064, 0x20C8, 0x30AC, 0x4190, 0x51F4, 0x6158, 0x713C,
    0x8320, 0x9344, 0xA3E8, 0xB38C, 0xC2B0, 0xD2D4, 0xE278, 0xF21C,
)  # fmt: skip
_HIGH = (
    0x0000, 0x1DB7, 0x3B6E, 0x26D9, 0x76DC, 0x6B6B, 0x4DB2, 0x5005,
    0xEDB8, 0xF00F, 0xD6D6, 0xCB61, 0x9B64, 0x86D3, 0xA00A, 0xBDBD,
)  # fmt: skip


def room(size):
    """Return the bytes of a frame, escaped and marked, with `size` bytes of data at most."""
    return 2 + 2 * (_HEAD + size + _CRC)


class Frame:
    """One frame: made to be sent, or taken from the bytes that arrive.

    size: most bytes of data, up to 255. data[6 : 6 + length] is what it carries; kind, connection,
    number and length are those of the frame made or found last.
    damaged: frames that were dropped; strays: bytes outside of frames
    """

    def __init__(self, size):
        self.data = bytearray(_HEAD + size + _CRC)
        self.kind = self.connection = self.number = self.length = 0
        self.whole = False
        self.damaged = self.strays = 0
        self._held = -1  # bytes of the frame that has begun, -1 outside of any
        self._escaped = False
        self._crc = bytearray(_CRC)

    def make(self, out, kind, connection, number, source, at, n):
        """Make a frame of source[at : at + n] in `out`, marked; returns its length there."""
        data = self.data
        data[0] = kind
        data[1] = connection >> 16
        data[2] = connection >> 8 & 255
        data[3] = connection & 255
        data[4] = number
        data[5] = n
        for i in range(n):
            data[_HEAD + i] = source[at + i]
        n += _HEAD
        self._sum(n)
        for i in range(_CRC):
            data[n + i] = self._crc[i]
        out[0] = _BEGIN
        to = 1
        for i in range(n + _CRC):
            byte = data[i]
            if byte < 0x20:
                out[to] = _ESCAPE
                to += 1
                byte |= _MARKED
            out[to] = byte
            to += 1
        out[to] = _END
        return to + 1

    def take(self, raw, at, end):
        """Take in raw[at:end]; returns where it stopped: behind a whole frame, or at the end.

        `whole` tells whether it found one.
        """
        self.whole = False
        while at < end and not self.whole:
            byte = raw[at]
            at += 1
            if byte == _BEGIN:
                if self._held >= 0:
                    self.damaged += 1  # its end is missing
                self._held = 0
                self._escaped = False
            elif self._held < 0:
                self.strays += 1
            elif byte == _END:
                self.whole = self._good(self._held)
                self._drop(not self.whole)
            elif byte == _ESCAPE and not self._escaped:
                self._escaped = True
            elif byte < 0x20 or self._held == len(self.data):
                self._drop(True)
            else:
                if self._escaped:
                    self._escaped = False
                    byte ^= _MARKED
                self.data[self._held] = byte
                self._held += 1
        return at

    def _drop(self, damaged):
        self._held = -1
        if damaged:
            self.damaged += 1

    def _good(self, held):
        """True if the bytes held are a frame as it was made."""
        data = self.data
        n = held - _CRC
        if self._escaped or n < _HEAD or data[5] != n - _HEAD:
            return False
        self._sum(n)
        for i in range(_CRC):
            if data[n + i] != self._crc[i]:
                return False
        self.kind = data[0]
        self.connection = data[1] << 16 | data[2] << 8 | data[3]
        self.number = data[4]
        self.length = n - _HEAD
        return True

    def _sum(self, n):
        """Put the checksum of the first n bytes into _crc."""
        low = high = 0xFFFF
        data = self.data
        for i in range(n):
            byte = data[i]
            for _ in range(2):
                index = (low ^ byte) & 15
                low = (low >> 4 | (high & 15) << 12) ^ _LOW[index]
                high = high >> 4 ^ _HIGH[index]
                byte >>= 4
        crc = self._crc
        low ^= 0xFFFF
        high ^= 0xFFFF
        crc[0] = low & 255
        crc[1] = low >> 8
        crc[2] = high & 255
        crc[3] = high >> 8
