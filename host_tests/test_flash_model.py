"""The models behind test_flash_esptool: what a flash or a loader would not take, they do not."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
import serial

from host_tests.harness.flash_chip import Flash
from host_tests.harness.rom import Rom
from host_tests.harness.stub import Command, Fault, Refused, Stub

GOOD = bytes(4)  # the ROM's status; the stub's is two bytes
CHECKSUM_AB = 0xEF ^ ord("a") ^ ord("b")
ENTRY = struct.pack("<II", 0, 0x100)


def begin(size: int, blocks: int = 2, at: int = 0) -> bytes:
    return struct.pack("<IIIII", size, blocks, 0x1000, at, 0)


def block(number: int, data: bytes) -> bytes:
    return struct.pack("<IIII", len(data), number, 0, 0) + data


def refusal(stub: Stub, command: Command, body: bytes = b"") -> Fault:
    """Why the stub does not carry out a command."""
    with pytest.raises(Refused) as refused:
        stub.handlers[command](body)
    return refused.value.fault


def test_programming_only_clears_bits_and_erasing_takes_whole_sectors() -> None:
    flash = Flash(0x4000)
    flash.program(0x1000, b"\xf0")
    flash.program(0x1000, b"\x3c")
    assert flash.content[0x1000] == 0x30
    flash.program(0x2000, b"\x00")
    flash.erase(0x1FFF, 1)
    assert flash.content[0x1000] == 0xFF
    assert flash.content[0x2000] == 0x00
    flash.erase(0x1FFF, 2)
    assert flash.content[0x2000] == 0xFF


def test_nothing_lies_beyond_the_end_of_a_flash() -> None:
    flash = Flash(0x2000)
    with pytest.raises(ValueError, match="beyond"):
        flash.program(0x1FFF, b"12")
    with pytest.raises(ValueError, match="beyond"):
        flash.erase(0x1000, 0x1001)
    assert len(flash.content) == 0x2000
    assert refusal(Stub(flash), Command.FLASH_BEGIN, begin(0x1001, at=0x1000)) == Fault.FAILED_SPI


def test_blocks_come_in_order_and_belong_to_a_write() -> None:
    stub = Stub(Flash(0x4000))
    assert refusal(stub, Command.FLASH_DATA, block(0, b"a")) == Fault.NOT_IN_FLASH_MODE
    stub.handlers[Command.FLASH_BEGIN](begin(0x1800))
    assert refusal(stub, Command.FLASH_DATA, block(1, b"b" * 0x1000)) == Fault.FAILED
    stub.handlers[Command.FLASH_DATA](block(0, b"a" * 0x1000))
    assert refusal(stub, Command.FLASH_DATA, block(0, b"a" * 0x1000)) == Fault.FAILED
    assert refusal(stub, Command.FLASH_END) == Fault.NOT_ENOUGH_DATA
    stub.handlers[Command.FLASH_DATA](block(1, b"b" * 0x1000))  # padded: 0x800 are asked for
    assert refusal(stub, Command.FLASH_DATA, block(2, b"c")) == Fault.FAILED
    stub.handlers[Command.FLASH_END](b"")


def test_a_write_erases_only_as_far_as_it_came() -> None:
    flash = Flash(0x4000)
    flash.program(0, bytes(0x4000))
    stub = Stub(flash)
    stub.handlers[Command.FLASH_BEGIN](begin(0x2000))
    stub.handlers[Command.FLASH_DATA](block(0, b"a" * 0x1000))
    assert flash.content == b"a" * 0x1000 + bytes(0x3000)


def test_compressed_data_is_a_zlib_stream_of_the_size_that_was_said() -> None:
    flash = Flash(0x4000)
    stub = Stub(flash)
    stub.handlers[Command.FLASH_DEFL_BEGIN](begin(100))
    assert refusal(stub, Command.FLASH_DEFL_DATA, block(0, b"no zlib")) == Fault.INFLATE
    stub.handlers[Command.FLASH_DEFL_BEGIN](begin(100))
    more = zlib.compress(b"a" * 101)
    assert refusal(stub, Command.FLASH_DEFL_DATA, block(0, more)) == Fault.TOO_MUCH_DATA
    assert set(flash.content) == {0xFF}


def frame(command: Command, body: bytes, checksum: int = 0) -> bytes:
    return b"\xc0" + struct.pack("<BBHI", 0, command, len(body), checksum) + body + b"\xc0"


def ask(port: serial.Serial, command: Command, body: bytes, checksum: int = 0) -> bytes:
    """Send a request; returns the status of its answer."""
    port.write(frame(command, body, checksum))
    assert port.read(1) == b"\xc0"
    return port.read_until(b"\xc0")[8:-1]


def start_stub(port: serial.Serial) -> None:
    """Load a stub of two bytes and start it."""
    ask(port, Command.MEM_BEGIN, struct.pack("<IIII", 2, 1, 2, 0x100))
    ask(port, Command.MEM_DATA, block(0, b"ab"), CHECKSUM_AB)
    assert ask(port, Command.MEM_END, ENTRY) == GOOD
    assert port.read(6) == b"\xc0OHAI\xc0"


def test_the_rom_starts_only_a_stub_that_arrived_whole(tmp_path: Path) -> None:
    with Rom("esp32", tmp_path / "port") as rom, serial.Serial(rom.port, timeout=30) as port:
        assert ask(port, Command.MEM_END, ENTRY) == b"\x01\x06\x00\x00"
        assert ask(port, Command.MEM_BEGIN, struct.pack("<IIII", 2, 1, 2, 0x100)) == GOOD
        assert ask(port, Command.MEM_DATA, block(0, b"ab"), 0) == b"\x01\x07\x00\x00"
        assert ask(port, Command.MEM_DATA, block(1, b"ab"), CHECKSUM_AB) == b"\x01\x06\x00\x00"
        assert ask(port, Command.MEM_END, ENTRY) == b"\x01\x06\x00\x00"
        start_stub(port)
        assert ask(port, Command.FLASH_DATA, block(0, b"ab"), 0) == b"\x01\xc1"


def test_a_frame_at_another_rate_than_agreed_is_noise(tmp_path: Path) -> None:
    with Rom("esp32", tmp_path / "port") as rom, serial.Serial(rom.port, timeout=30) as port:
        start_stub(port)
        assert ask(port, Command.CHANGE_BAUDRATE, struct.pack("<II", 230400, 9600)) == b"\0\0"
        port.write(frame(Command.READ_REG, bytes(4)))
        assert ask(port, Command.SYNC, b"") == GOOD  # after a reset any rate is taken
        assert rom.noise == 1
