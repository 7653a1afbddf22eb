"""A model of a flash chip: erasing sets all bits of a sector, programming can only clear bits."""

from __future__ import annotations

import hashlib

SECTOR = 4096
READ_ID, READ_PARAMETERS = 0x9F, 0x5A  # commands that every such chip answers: JEDEC, SFDP
_MAKER, _FAMILY = 0xEF, 0x40


class Flash:
    """`content` is what the chip holds; `size` is a power of two, in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.content = bytearray(b"\xff" * size)

    def erase(self, at: int, size: int) -> None:
        """Erase every sector that the range touches; ValueError beyond the chip's end."""
        if at + size > self.size:
            raise ValueError(f"{at:#x} + {size:#x} is beyond {self.size:#x}")
        first, end = at // SECTOR * SECTOR, -(-(at + size) // SECTOR) * SECTOR
        self.content[first:end] = b"\xff" * (end - first)

    def program(self, at: int, data: bytes) -> None:
        """Program any range; what was not erased before keeps its cleared bits."""
        end = at + len(data)
        if end > self.size:
            raise ValueError(f"{end:#x} is beyond {self.size:#x}")
        held = int.from_bytes(self.content[at:end], "little")
        cleared = held & int.from_bytes(data, "little")
        self.content[at:end] = cleared.to_bytes(len(data), "little")

    def md5(self, at: int, size: int) -> bytes:
        """The digest of a range."""
        return hashlib.md5(self.content[at : at + size]).digest()

    def answer(self, command: int) -> int:
        """What the chip says to a command on its own bus; 0 to those not modelled."""
        if command == READ_ID:
            return _MAKER | _FAMILY << 8 | (self.size.bit_length() - 1) << 16
        return int.from_bytes(b"SFDP", "little") if command == READ_PARAMETERS else 0
