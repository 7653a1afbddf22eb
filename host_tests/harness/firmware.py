"""Firmware files as esptool knows them: a valid image of one segment, then anything.

Source: esptool's documentation of the firmware image format.
"""

from __future__ import annotations

import random
import struct
from functools import reduce
from operator import xor

MAGIC = 0xE9
_CHIP_ID = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}
_ENTRY = {
    "esp8266": 0x401000F4,
    "esp32": 0x400806A0,
    "esp32s3": 0x403CD710,
    "esp32c3": 0x4038C71A,
}
_DIO, _FLASH_4MB = 2, 0x20  # an ESP8266 reads the latter as 1 MB


def firmware(chip: str, size: int = 100_000, first: int = 0x50, noise: bool = True) -> bytes:
    """A firmware of `size` bytes for a chip, always the same.

    first: the first word of its segment, by which a bootloader and an application differ
    noise: what follows the image does not compress; else nearly all of it is zeros
    """
    header = struct.pack("<BBBBI", MAGIC, 1, _DIO, _FLASH_4MB, _ENTRY[chip])
    if chip != "esp8266":  # no write-protect pin, chip, any revision, no hash
        header += struct.pack("<BBBBHBHHIB", 0xEE, 0, 0, 0, _CHIP_ID[chip], 0, 0, 0xFFFF, 0, 0)
    segment = struct.pack("<I", first) + bytes(range(252))
    image = header + struct.pack("<II", _ENTRY[chip] & ~0xFFF, len(segment)) + segment
    image = image.ljust(len(image) // 16 * 16 + 15, b"\x00")  # the checksum ends a line of 16
    image += bytes((reduce(xor, segment, 0xEF),))
    rest = random.Random(chip).randbytes(size - len(image))
    return image + (rest if noise else rest[:5000].ljust(len(rest), b"\x00"))
