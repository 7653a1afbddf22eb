"""Finds the packets of Improv Wi-Fi in what a serial line brings.

A packet is IMPROV, 1, type, length, data, checksum: https://www.improv-wifi.com/serial/. The line
is the REPL's too: what is no packet is skipped. See node.provision.packets for what is in them.
"""

from micropython import const

_HEAD = b"IMPROV\x01"
_TYPE = const(7)
_LENGTH = const(8)
_DATA = const(9)  # in a command: its number, the length of what follows, and that
_MOST = const(100)  # of data: a network's name and password, at their longest, take 99
_COMMAND = const(3)  # a type
_MALFORMED = const(-1)


class Improv:
    """A line: `packet` is what it brought last, without the checksum, `held` how much of it."""

    def __init__(self):
        self.packet = bytearray(_DATA + _MOST)
        self.held = 0
        self._sum = 0

    def feed(self, byte):
        """Take a byte; return the command that is complete with it, -1 if malformed, or 0."""
        n = self.held
        packet = self.packet
        if n < len(_HEAD) and byte != _HEAD[n]:
            n = 0
            if byte != _HEAD[0]:
                self.held = 0
                return 0
        if n >= _DATA and n == _DATA + packet[_LENGTH]:
            self.held = 0
            if packet[_TYPE] != _COMMAND:  # an answer: the line brings back what was sent
                return 0
            size = packet[_LENGTH] - 2
            good = self._sum & 255 == byte and size >= 0 and packet[_DATA + 1] == size
            return packet[_DATA] if good else _MALFORMED
        packet[n] = byte
        self._sum = byte + (self._sum if n else 0)
        self.held = n + 1
        if n == _LENGTH and byte > _MOST:
            self.held = 0
            return _MALFORMED
        return 0
