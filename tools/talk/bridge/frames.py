"""The frames of a serial line, told from the text between them; docs/serial.md has the format."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

BEGIN, END, ESCAPE = 0x1E, 0x1F, 0x1D
MARKED = 0x40
HEAD = 6
CRC = 4
LARGEST = 255  # bytes of data, whose number is one byte


@dataclass(frozen=True)
class Frame:
    """What travels. kind: a letter, large from the board, small from the bridge."""

    kind: str
    connection: int
    number: int = 0
    data: bytes = b""

    def encode(self) -> bytes:
        """The frame as it stands on the line."""
        plain = self.kind.encode() + self.connection.to_bytes(3, "big")
        plain += bytes((self.number, len(self.data))) + self.data
        plain += zlib.crc32(plain).to_bytes(CRC, "little")
        escaped = bytearray()
        for byte in plain:
            escaped += bytes((ESCAPE, byte | MARKED)) if byte < 0x20 else bytes((byte,))
        return bytes((BEGIN, *escaped, END))


def decode(body: bytes) -> Frame | None:
    """The frame that stood between two marks; None if it is not as it was sent."""
    plain = bytearray()
    escaped = False
    for byte in body:
        if byte == ESCAPE:
            if escaped:
                return None
            escaped = True
            continue
        plain.append(byte ^ MARKED if escaped else byte)
        escaped = False
    n = len(plain) - CRC
    if escaped or n < HEAD or plain[5] != n - HEAD or plain[0] > 127:
        return None
    if zlib.crc32(plain[:n]) != int.from_bytes(plain[n:], "little"):
        return None
    connection = int.from_bytes(plain[1:4], "big")
    return Frame(chr(plain[0]), connection, plain[4], bytes(plain[HEAD:n]))


class Decoder:
    """Takes in bytes, gives frames, and the text between them.

    damaged: frames that were dropped. Where text cut into a frame, all of it is given as text.
    """

    _MOST = 2 * (HEAD + LARGEST + CRC)

    def __init__(self) -> None:
        self.damaged = 0
        self._body: bytearray | None = None  # of the frame that has begun

    def feed(self, data: bytes) -> Iterator[Frame | bytes]:
        """Give all frames and pieces of text that end with these bytes."""
        text = bytearray()
        for byte in data:
            if byte == BEGIN:
                self.damaged += self._body is not None
                self._body = bytearray()
            elif self._body is None:
                text.append(byte)
            elif byte == END:
                frame = decode(bytes(self._body))
                self._body = None
                if frame:
                    if text:
                        yield bytes(text)
                        text.clear()
                    yield frame
                else:
                    self.damaged += 1
            else:
                self._body.append(byte)
                if (byte < 0x20 and byte != ESCAPE) or len(self._body) > self._MOST:
                    text += self._body
                    self._body = None
                    self.damaged += 1
        if text:
            yield bytes(text)
