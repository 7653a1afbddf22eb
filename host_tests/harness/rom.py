"""A model of the ROM loaders of the ESP chips, for the real esptool: as much as a flash takes.

A request is a frame: direction 0, command, length, checksum, data. An answer: direction 1,
command, length, value, data, status. The ROM takes esptool's stub loader into its RAM and starts
it. No model can run that, so it answers as the stub would from there on (stub.py).
Source: esptool's documentation of the serial protocol.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Literal

from host_tests.harness.flash_chip import Flash
from host_tests.harness.serial_line import SerialLine
from host_tests.harness.stub import Command, Fault, Refused, Stub

_WITH_CHECKSUM = (Command.MEM_DATA, Command.FLASH_DATA, Command.FLASH_DEFL_DATA)
_FLASH_DATA = (Command.FLASH_DATA, Command.FLASH_DEFL_DATA)
_SPI_USER = 1 << 18  # in the SPI command register: send what USER2 holds
_SYNC_VALUE = 0x20120707  # any but 0, which the stub answers


@dataclass(frozen=True)
class Chip:
    """What tells one chip's loader from another's. Registers not named here read 0."""

    flash_size: int  # bytes
    spi: tuple[int, int, int]  # addresses of the SPI registers: command, USER2, first data word
    registers: dict[int, int] = field(default_factory=dict)
    boots_at: int = 0  # where on the flash the ROM looks for the bootloader
    chip_id: int | None = None  # answered to GET_SECURITY_INFO, which older ROMs do not know
    status_size: int = 4  # bytes at the end of the ROM's answers


_MAGIC = 0x40001000  # holds what tells the chips without a chip_id apart
CHIPS = {
    "esp8266": Chip(
        flash_size=2 << 20,
        spi=(0x60000200, 0x60000224, 0x60000240),
        registers={_MAGIC: 0xFFF0C101, 0x60000014: 2 * 26_000_000 // 115200},  # UART's divider
        status_size=2,
    ),
    "esp32": Chip(
        flash_size=4 << 20,
        spi=(0x3FF42000, 0x3FF42024, 0x3FF42080),
        registers={_MAGIC: 0x00F01D83, 0x3FF40014: 40_000_000 // 115200},
        boots_at=0x1000,
    ),
    "esp32s3": Chip(
        flash_size=8 << 20,
        spi=(0x60002000, 0x60002020, 0x60002058),
        chip_id=9,
    ),
    "esp32c3": Chip(
        flash_size=4 << 20,
        spi=(0x60002000, 0x60002020, 0x60002058),
        chip_id=5,
    ),
}


class Rom:
    """A board in its loader; esptool finds it at `port`, and `flash` is what it writes.

    The signals that reset a board do not exist on a pty. esptool sends SYNC only after them, so
    SYNC is taken for the reset as well. The flash outlives it, and unplugging.
    """

    def __init__(self, chip: str, port: Path) -> None:
        self.chip = CHIPS[chip]
        self.port = str(port)
        self.flash = Flash(self.chip.flash_size)
        self.commands: list[int] = []
        self.noise = 0  # frames that were sent at another rate than the loader's
        self.absent = False  # the firmware runs instead of the loader, and says nothing
        self.broken = threading.Event()  # the breakdown that break_at() asked for has happened
        self._break: tuple[int, Literal["silent", "unplugged"]] | None = None
        self._path = port
        self._line: SerialLine | None = None
        self.plug()

    def __enter__(self) -> Rom:
        return self

    def __exit__(self, *error: object) -> None:
        self.unplug()

    def plug(self) -> None:
        """Connect the board, again if it was; `port` appears."""
        self.unplug()
        self._reset()
        self._line = SerialLine(self._path)
        self._thread = threading.Thread(target=self._serve, args=(self._line,), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Take the board away, if it is there; `port` disappears."""
        if self._line is not None:
            self._line.stop()
            self._thread.join()
            self._line.close()
            self._line = None

    def break_at(self, block: int, how: Literal["silent", "unplugged"]) -> None:
        """Break down once: instead of the answer to this block of data for the flash, counted
        from 1, be silent until a reset, or be unplugged."""
        self._break = block, how
        self.broken.clear()

    def _serve(self, line: SerialLine) -> None:
        try:
            for frame in line.frames():
                self._take(line, frame)
                if self._unplugged:
                    break
        finally:
            line.hang_up()

    def _reset(self) -> None:
        self._registers = dict(self.chip.registers)
        self._segments: dict[int, int] = {}  # in the RAM: address, bytes that are missing
        self._loading = (0, 0)  # the address of the segment that arrives, and its next block
        self._stub: Stub | None = None
        self._rate: int | None = None  # the ROM takes the host's
        self._blocks = 0
        self._silent = self._unplugged = False

    def _take(self, line: SerialLine, frame: bytes) -> None:
        if len(frame) < 8 or self.absent:
            return
        direction, command, size, checksum = struct.unpack_from("<BBHI", frame)
        body = frame[8:]
        if command == Command.SYNC:
            self._reset()
        if self._silent:
            return
        if self._rate not in (None, line.rate):
            self.noise += 1
            return
        self.commands.append(command)
        if command in _FLASH_DATA and self._breaks_down(line):
            return
        try:
            if direction != 0 or size != len(body):
                raise Refused(Fault.INVALID)
            if command in _WITH_CHECKSUM and checksum != reduce(xor, body[16:], 0xEF):
                raise Refused(Fault.STUB_BAD_CHECKSUM if self._stub else Fault.BAD_CHECKSUM)
            value, data = self._do(command, body)
        except Refused as refused:
            self._answer(line, command, fault=refused.fault)
            return
        self._answer(line, command, value, data)
        if command == Command.SYNC:
            for _ in range(7):
                self._answer(line, command, value)
        elif command == Command.MEM_END:
            line.send(b"OHAI")  # the stub's greeting
            self._stub = Stub(self.flash)

    def _breaks_down(self, line: SerialLine) -> bool:
        self._blocks += 1
        if self._break is None or self._blocks != self._break[0]:
            return False
        self._silent, self._unplugged = True, self._break[1] == "unplugged"
        self._break = None
        self.broken.set()
        return True

    def _answer(
        self, line: SerialLine, command: int, value: int = 0, data: bytes = b"", fault: int = 0
    ) -> None:
        status = bytes((1 if fault else 0, fault))
        data += status if self._stub else status.ljust(self.chip.status_size, b"\x00")
        line.send(struct.pack("<BBHI", 1, command, len(data), value) + data)

    def _do(self, command: int, body: bytes) -> tuple[int, bytes]:
        """Carry out a command; returns the answer's value and data, or raises Refused."""
        common: dict[int, Callable[[bytes], int]] = {
            Command.SYNC: lambda body: _SYNC_VALUE,
            Command.READ_REG: self._read_register,
            Command.WRITE_REG: self._write_register,
            Command.MEM_BEGIN: self._begin_segment,
            Command.MEM_DATA: self._load_block,
            Command.MEM_END: self._start,
        }
        if command in common:
            return common[command](body), b""
        if command == Command.GET_SECURITY_INFO and self.chip.chip_id is not None:
            # flags, count of encryptions, purposes of 7 keys, chip, version of the interface
            return 0, struct.pack("<IB7sII", 0, 0, bytes(7), self.chip.chip_id, 0)
        if self._stub is None:
            raise Refused(Fault.INVALID)
        if command == Command.CHANGE_BAUDRATE:
            self._rate, _ = struct.unpack("<II", body)
        elif command == Command.SPI_SET_PARAMS:
            if struct.unpack_from("<II", body)[1] != self.flash.size:
                raise Refused(Fault.FAILED_SPI)
        elif command != Command.SPI_ATTACH:
            if command not in self._stub.handlers:
                raise Refused(Fault.UNKNOWN)
            return 0, self._stub.handlers[Command(command)](body)
        return 0, b""

    def _read_register(self, body: bytes) -> int:
        (address,) = struct.unpack("<I", body)
        return self._registers.get(address, 0)

    def _write_register(self, body: bytes) -> int:
        address, value, mask, _ = struct.unpack_from("<IIII", body)
        old = self._registers.get(address, 0)
        self._registers[address] = old & ~mask | value & mask
        spi_command, user2, data = self.chip.spi
        if address == spi_command and value & _SPI_USER:
            self._registers[data] = self.flash.answer(self._registers[user2] & 0xFF)
            self._registers[spi_command] = 0  # done
        return 0

    def _begin_segment(self, body: bytes) -> int:
        size, _, _, address = struct.unpack("<IIII", body)
        self._segments[address] = size
        self._loading = address, 0
        return 0

    def _load_block(self, body: bytes) -> int:
        size, number = struct.unpack_from("<II", body)
        address, expected = self._loading
        if number != expected or size != len(body) - 16 or size > self._segments.get(address, 0):
            raise Refused(Fault.FAILED)
        self._segments[address] -= size
        self._loading = address, number + 1
        return 0

    def _start(self, body: bytes) -> int:
        if not self._segments or any(self._segments.values()):
            raise Refused(Fault.FAILED)  # it is not all there
        return 0
