"""`make flash` as a user calls it: the real esptool against models of the boards' ROM loaders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest

from host_tests.harness.firmware import firmware
from host_tests.harness.rom import Rom
from host_tests.harness.stub import Command
from tools.board.flash import esptool
from tools.shared import boards
from tools.shared.paths import ROOT
from tools.shared.process import popen

BOARDS = [name for name in boards.names() if boards.load(name).install["tool"] == "esptool"]
OLD = bytes(100)  # an old firmware, where a test looks whether it is still there
Plug = Callable[[str], Rom]


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    """Plugs a board in, by its id, with an old firmware on it."""
    with ExitStack() as stack:

        def make(board: str) -> Rom:
            chip = boards.load(board).install["chip"]
            rom = stack.enter_context(Rom(chip, tmp_path / "ttyUSB0"))
            rom.flash.program(0, OLD)
            rom.flash.program(rom.flash.size - len(OLD), OLD)
            return rom

        yield make


@pytest.fixture
def short_wait(tmp_path: Path) -> Path:
    """Settings with which esptool waits a second for a board, or for a port that went away."""
    settings = tmp_path / "esptool.cfg"
    settings.write_text("[esptool]\nconnect_attempts = 1\n")
    return settings


def start(board: str, port: str, content: bytes, **environment: str) -> subprocess.Popen[str]:
    """Begin `make flash`. Its file lies beside the port."""
    file = Path(port).with_name("firmware.bin")
    file.write_bytes(content)
    # Where the tests run in the background, Ctrl-C is ignored, and that is inherited.
    heeds = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    command = [sys.executable, "-c", heeds + "os.execvp(sys.argv[1], sys.argv[1:])"]
    command += ["make", "-s", "flash", f"BOARD={board}", f"PORT={port}", f"FIRMWARE={file}"]
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")  # of the make that runs the tests
    variables = {name: value for name, value in os.environ.items() if name not in outer}
    return popen(
        command,
        cwd=ROOT,
        env=variables | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[bool, str]:
    """Wait for the end of `make flash`: has it succeeded, and what was said."""
    try:
        said, _ = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode == 0, said


def flash(board: str, port: str, content: bytes, **environment: str) -> tuple[bool, str]:
    return finish(start(board, port, content, **environment))


def is_untouched(rom: Rom) -> bool:
    """Nothing was erased or written."""
    old = rom.flash.content
    return old[: len(OLD)] == old[-len(OLD) :] == OLD and set(old[len(OLD) : -len(OLD)]) == {0xFF}


def assert_flashed(rom: Rom, content: bytes) -> None:
    """The flash holds the firmware where the ROM looks for it, and nothing else."""
    at, end = rom.chip.boots_at, rom.chip.boots_at + len(content)
    held = rom.flash.content
    assert held[at:end] == content
    assert set(held[:at] + held[end:]) <= {0xFF}
    assert rom.noise == 0


@pytest.mark.parametrize("noise", [False, True], ids=["compressed", "plain"])
@pytest.mark.parametrize("board", BOARDS)
def test_it_erases_and_writes_where_the_rom_looks(board: str, noise: bool, plug: Plug) -> None:
    rom = plug(board)
    content = firmware(boards.load(board).install["chip"], noise=noise)
    done, said = flash(board, rom.port, content)
    assert done, said
    assert "Hash of data verified" in said
    assert f"make deploy BOARD={board} PORT={rom.port}" in said
    assert Command.ERASE_FLASH in rom.commands
    assert (Command.FLASH_DATA if noise else Command.FLASH_DEFL_DATA) in rom.commands
    if board == "ESP8266_GENERIC":  # esptool notes the size that it found, here 2 MB
        content = content[:3] + b"\x30" + content[4:]
    assert_flashed(rom, content)


@pytest.mark.parametrize(
    ("meant", "real", "name"),
    [
        ("ESP32_GENERIC", "ESP8266_GENERIC", "ESP8266"),
        ("ESP32_GENERIC", "ESP32_GENERIC_S3", "ESP32-S3"),
        ("ESP8266_GENERIC", "ESP32_GENERIC", "ESP32"),
        ("ESP32_GENERIC_S3", "ESP32_GENERIC_C3", "ESP32-C3"),
    ],
)
def test_another_chip_is_named_and_left_as_it_is(
    meant: str, real: str, name: str, plug: Plug
) -> None:
    rom = plug(real)
    done, said = flash(meant, rom.port, firmware(boards.load(meant).install["chip"]))
    assert not done
    assert f"the board on {rom.port} is an {name}, not an {meant}" in said
    assert f"choose BOARD={real}," in said
    assert is_untouched(rom)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff" * 0x1000 + firmware("esp32"), "is not an ESP firmware"),  # it begins at 0x0
        (firmware("esp32", first=0xABCD5432), "is an update"),  # it belongs behind a bootloader
        (firmware("esp32s3"), "is not for esp32"),
    ],
    ids=["another offset", "application", "another chip"],
)
def test_a_file_that_is_wrong_at_the_offset_is_refused_before_the_board_is_asked(
    content: bytes, reason: str, plug: Plug
) -> None:
    rom = plug("ESP32_GENERIC")
    done, said = flash("ESP32_GENERIC", rom.port, content)
    assert not done
    assert reason in said
    assert rom.commands == []


@pytest.mark.parametrize(
    ("content", "refused"),
    [(b"\xff" * 0x1000 + firmware("esp32"), False), (firmware("esp32s3"), True)],
    ids=["another offset", "another chip"],
)
def test_esptool_itself_refuses_only_another_chips_image(
    content: bytes, refused: bool, plug: Plug, tmp_path: Path
) -> None:
    rom = plug("ESP32_GENERIC")
    file = tmp_path / "firmware.bin"
    file.write_bytes(content)
    command = esptool(boards.load("ESP32_GENERIC"), rom.port, str(file), True, 460800)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode != 0) is refused
    assert ("is not an ESP32 image" in done.stderr) is refused
    assert is_untouched(rom) is refused


@pytest.mark.parametrize("board", ["ESP32_GENERIC", "ESP8266_GENERIC"])
def test_a_firmware_as_large_as_the_flash_fits_and_one_byte_more_does_not(
    board: str, plug: Plug
) -> None:
    rom = plug(board)
    room = rom.flash.size - rom.chip.boots_at
    chip = boards.load(board).install["chip"]
    done, said = flash(board, rom.port, firmware(chip, room + 1))
    assert not done
    assert f"is too large: {room + 1} bytes, and from {rom.chip.boots_at:#x} on" in said
    assert f"there are {room};" in said
    assert is_untouched(rom)
    content = firmware(chip, room)
    done, said = flash(board, rom.port, content)
    assert done, said
    if board == "ESP8266_GENERIC":
        content = content[:3] + b"\x30" + content[4:]
    assert_flashed(rom, content)


@pytest.mark.parametrize("how", ["silent", "unplugged"])
def test_a_board_lost_in_the_middle_is_said_and_the_second_try_succeeds(
    how: Literal["silent", "unplugged"], plug: Plug, short_wait: Path
) -> None:
    rom = plug("ESP32_GENERIC")
    content = firmware("esp32")
    rom.break_at(3, how)
    settings = {"ESPTOOL_CFGFILE": str(short_wait)}
    done, said = flash("ESP32_GENERIC", rom.port, content, **settings)
    assert rom.broken.is_set()
    assert not done
    assert f"esptool failed on {rom.port}: the flash may be half written" in said
    assert "run the same command again; BAUD=115200 is slower" in said
    assert rom.flash.content[0x1000:0x5000] == content[:0x4000]
    assert set(rom.flash.content[0x9000:]) == {0xFF}
    if how == "unplugged":
        rom.plug()
    done, said = flash("ESP32_GENERIC", rom.port, content)
    assert done, said
    assert_flashed(rom, content)


def test_a_flash_that_is_stopped_by_hand_can_be_done_again(plug: Plug) -> None:
    rom = plug("ESP32_GENERIC")
    content = firmware("esp32")
    rom.break_at(3, "silent")  # keeps esptool waiting where it is
    with start("ESP32_GENERIC", rom.port, content) as process:
        assert rom.broken.wait(60)
        os.killpg(process.pid, signal.SIGINT)
        done, said = finish(process)
    assert not done
    assert "stopped: the flash may be half written" in said
    done, said = flash("ESP32_GENERIC", rom.port, content)
    assert done, said
    assert_flashed(rom, content)


def test_a_flash_that_does_not_take_the_data_is_noticed(
    plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    rom = plug("ESP8266_GENERIC")  # an old firmware lies where the new one belongs
    monkeypatch.setattr(rom.flash, "erase", lambda at, size: None)
    done, said = flash("ESP8266_GENERIC", rom.port, firmware("esp8266"))
    assert not done
    assert "MD5 of file does not match data in flash" in said
    assert "the flash may be half written" in said


def test_a_port_that_is_gone_is_said(plug: Plug) -> None:
    rom = plug("ESP32_GENERIC")
    rom.unplug()
    done, said = flash("ESP32_GENERIC", rom.port, firmware("esp32"))
    assert not done
    assert f"can't open {rom.port}\n  Is the board plugged in" in said


def test_a_board_that_is_not_in_its_loader_is_said(plug: Plug, short_wait: Path) -> None:
    rom = plug("ESP32_GENERIC")
    rom.absent = True
    settings = {"ESPTOOL_CFGFILE": str(short_wait)}
    done, said = flash("ESP32_GENERIC", rom.port, firmware("esp32"), **settings)
    assert not done
    assert f"no answer from the board on {rom.port}\n  Hold BOOT" in said
