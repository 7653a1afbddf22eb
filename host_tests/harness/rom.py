"""A model of the ESP32's ROM loader on a pty: as much of it as esptool needs to write a flash.

Frames are SLIP: 0xC0 at both ends. A request is direction 0, command, length, checksum, data; an
answer is direction 1, command, length, value, data, two bytes of status. Source: esptool's
documentation of the serial protocol.
"""

from __future__ import annotations

import hashlib
import os
import pty
import select
import struct
import threading
import tty

SYNC, FLASH_BEGIN, FLASH_DATA, FLASH_END = 0x08, 0x02, 0x03, 0x04
WRITE_REG, READ_REG, FLASH_MD5, ERASE_FLASH = 0x09, 0x0A, 0x13, 0xD0
MAGIC_REG, MAGIC = 0x40001000, 0x00F01D83  # by which esptool knows an ESP32
SPI_COMMAND, SPI_DATA, SPI_USER = 0x3FF42000, 0x3FF42080, 1 << 18
FLASH_ID = 0x1640EF  # a chip of 4 MB


class Rom:
    """The loader; `port` is where esptool finds it, `flash` what has been written."""

    def __init__(self, size: int = 4 * 1024 * 1024) -> None:
        self.flash = bytearray(b"\xff" * size)
        self.commands: list[int] = []
        self._registers = {MAGIC_REG: MAGIC}
        self._offset = self._block = 0
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Rom:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._stop)
        self._thread.join(5)
        for descriptor in (self._master, self._slave, self._wake):
            os.close(descriptor)

    def _serve(self) -> None:
        frame = bytearray()
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            if self._wake in ready:
                return
            for byte in os.read(self._master, 65536):
                if byte != 0xC0:
                    frame.append(byte)
                elif frame:
                    plain = (
                        bytes(frame).replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
                    )
                    frame.clear()
                    if len(plain) >= 8:
                        self._handle(plain[1], plain[8:])

    def _answer(self, command: int, value: int = 0, data: bytes = b"", good: bool = True) -> None:
        data += b"\x00\x00\x00\x00" if good else b"\x01\x05\x00\x00"
        packet = struct.pack("<BBHI", 1, command, len(data), value) + data
        packet = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._master, b"\xc0" + packet + b"\xc0")

    def _handle(self, command: int, body: bytes) -> None:
        self.commands.append(command)
        value, data = 0, b""
        if command == SYNC:
            for _ in range(7):
                self._answer(SYNC)
        elif command == READ_REG:
            (address,) = struct.unpack_from("<I", body)
            value = self._registers.get(address, 0)
        elif command == WRITE_REG:
            address, value, _, _ = struct.unpack_from("<IIII", body)
            self._registers[address] = value
            if address == SPI_COMMAND and value & SPI_USER:
                self._registers[SPI_COMMAND] = 0
                self._registers[SPI_DATA] = FLASH_ID
            value = 0
        elif command == FLASH_BEGIN:
            size, _, self._block, self._offset = struct.unpack_from("<IIII", body)
            self.flash[self._offset : self._offset + size] = b"\xff" * size
        elif command == FLASH_DATA:
            size, number = struct.unpack_from("<II", body)
            at = self._offset + number * self._block
            self.flash[at : at + size] = body[16 : 16 + size]
        elif command == FLASH_MD5:
            at, size = struct.unpack_from("<II", body)
            data = hashlib.md5(self.flash[at : at + size]).hexdigest().encode()
        elif command not in (FLASH_END, 0x0B, 0x0D, 0x0F):
            self._answer(command, good=False)
            return
        self._answer(command, value, data)
