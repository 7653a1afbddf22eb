"""A model of the flash commands of the stub loader that esptool uploads, with its error codes.

A write is begun, its blocks arrive in order, plain or as one zlib stream, and it is ended. Sectors
are erased as the write comes to them, so one that is cut off leaves what was behind it.
Source: esptool's documentation of the serial protocol.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from enum import IntEnum

from host_tests.harness.flash_chip import SECTOR, Flash


class Command(IntEnum):
    """All commands that the model knows, the ROM's among them."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0


class Fault(IntEnum):
    """Why a command is refused: those below 0xC0 are the ROM's, the others the stub's."""

    INVALID = 0x05
    FAILED = 0x06
    BAD_CHECKSUM = 0x07
    STUB_BAD_CHECKSUM = 0xC1
    UNKNOWN = 0xC3
    FAILED_SPI = 0xC4
    NOT_IN_FLASH_MODE = 0xC6
    INFLATE = 0xC7
    NOT_ENOUGH_DATA = 0xC8
    TOO_MUCH_DATA = 0xC9


class Refused(Exception):
    """The command is answered with `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


class _Write:
    """One write to the flash, from its begin to its end."""

    def __init__(self, flash: Flash, body: bytes, compressed: bool) -> None:
        self.left, self._blocks, self._block_size, self._at, _ = struct.unpack("<IIIII", body)
        if self._at % SECTOR or self._at + self.left > flash.size:
            raise Refused(Fault.FAILED_SPI)
        self._flash = flash
        self._erased = self._at
        self._inflate = zlib.decompressobj() if compressed else None
        self._next = 0

    def block(self, body: bytes) -> None:
        """Take the next block."""
        size, number = struct.unpack_from("<II", body)
        data = body[16:]
        if number != self._next or number >= self._blocks or size > self._block_size:
            raise Refused(Fault.FAILED)
        self._next += 1
        if self._inflate is None:
            data = data[: self.left]  # the last block is padded
        else:
            try:
                data = self._inflate.decompress(data)
            except zlib.error as error:
                raise Refused(Fault.INFLATE) from error
        if len(data) > self.left:
            raise Refused(Fault.TOO_MUCH_DATA)
        self._program(data)

    def _program(self, data: bytes) -> None:
        end = self._at + len(data)
        if end > self._erased:
            self._flash.erase(self._erased, end - self._erased)
            self._erased = -(-end // SECTOR) * SECTOR
        self._flash.program(self._at, data)
        self._at = end
        self.left -= len(data)


class Stub:
    """`handlers` does each command's work; what it returns is the answer's data."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        self._write: _Write | None = None
        self.handlers: dict[Command, Callable[[bytes], bytes]] = {
            Command.ERASE_FLASH: self._erase,
            Command.FLASH_BEGIN: lambda body: self._begin(body, False),
            Command.FLASH_DATA: self._block,
            Command.FLASH_END: self._end,
            Command.FLASH_DEFL_BEGIN: lambda body: self._begin(body, True),
            Command.FLASH_DEFL_DATA: self._block,
            Command.FLASH_DEFL_END: self._end,
            Command.SPI_FLASH_MD5: self._md5,
        }

    def _erase(self, body: bytes) -> bytes:
        self._flash.erase(0, self._flash.size)
        return b""

    def _begin(self, body: bytes, compressed: bool) -> bytes:
        self._write = _Write(self._flash, body, compressed)
        return b""

    def _block(self, body: bytes) -> bytes:
        if self._write is None:
            raise Refused(Fault.NOT_IN_FLASH_MODE)
        self._write.block(body)
        return b""

    def _end(self, body: bytes) -> bytes:
        if self._write is None:
            raise Refused(Fault.NOT_IN_FLASH_MODE)
        if self._write.left:
            raise Refused(Fault.NOT_ENOUGH_DATA)
        self._write = None
        return b""

    def _md5(self, body: bytes) -> bytes:
        at, size = struct.unpack_from("<II", body)
        return self._flash.md5(at, size)
