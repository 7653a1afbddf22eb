"""Flashing: the commands, what is refused, and the real esptool against a model of the ROM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from host_tests.harness.rom import Rom
from tools import boards
from tools.errors import ToolError
from tools.flash import CHIP_ID, check_image, commands, download
from tools.paths import ROOT
from tools.ports import choose


def image(path: Path, chip_id: int = 0, entry: int = 0x400806A0, app: bool = False) -> Path:
    """A file that begins as a firmware does; `app` makes it an update without bootloader."""
    head = bytes((0xE9, 2, 2, 0x20)) + entry.to_bytes(4, "little")
    head += bytes(4) + chip_id.to_bytes(2, "little") + bytes(18)
    head += (0xABCD5432 if app else 0x50).to_bytes(4, "little")
    path.write_bytes(head + os.urandom(20_000))
    return path


def flash(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "flash", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_real_esptool_writes_where_the_board_looks(tmp_path: Path) -> None:
    firmware = image(tmp_path / "firmware.bin")
    with Rom() as rom:
        step = commands(boards.load("ESP32_GENERIC"), rom.port, str(firmware), False, 115200)[0]
        # The model has no stub loader; nor has a pty the lines that reset a board.
        step = [*step[:3], "--no-stub", "--before", "no-reset", "--after", "no-reset", *step[3:]]
        done = subprocess.run(step, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Hash of data verified" in done.stdout
        data = firmware.read_bytes()
        assert rom.flash[0x1000 : 0x1000 + len(data)][16:] == data[16:]
        assert set(rom.flash[:0x1000]) == {0xFF}


def test_dry_run_prints_the_commands_and_touches_nothing() -> None:
    done = flash("ESP8266_GENERIC", "--dry-run", "--port", "/dev/ttyUSB7")
    assert done.returncode == 0
    erase, write = done.stdout.splitlines()
    assert erase.endswith("--port /dev/ttyUSB7 --baud 460800 erase-flash")
    assert write.endswith("write-flash --flash-size detect 0x0 FIRMWARE.bin")


def test_without_a_firmware_it_says_where_there_is_one() -> None:
    done = flash("ESP32_GENERIC", "--port", "/dev/null")
    assert done.returncode == 1
    assert "https://micropython.org/download/ESP32_GENERIC/" in done.stderr


def test_a_board_without_esptool_gets_its_steps() -> None:
    done = flash("RPI_PICO_W")
    assert done.returncode == 0
    assert "BOOTSEL" in done.stdout


def test_wrong_files_are_refused_before_anything_is_erased(tmp_path: Path) -> None:
    text = tmp_path / "readme.txt"
    text.write_text("this is no firmware at all")
    with pytest.raises(ToolError, match="no ESP firmware"):
        check_image(text, "esp32")
    with pytest.raises(ToolError, match="not for esp32s3"):
        check_image(image(tmp_path / "esp32.bin"), "esp32s3")
    with pytest.raises(ToolError, match="cannot be read"):
        check_image(tmp_path / "missing.bin", "esp32")
    with pytest.raises(ToolError, match=r"is an update \(\.app-bin\)"):
        check_image(image(tmp_path / "esp32.app-bin", app=True), "esp32")
    with pytest.raises(ToolError, match="not for esp8266"):
        check_image(image(tmp_path / "esp32.bin"), "esp8266")


def test_right_files_are_taken(tmp_path: Path) -> None:
    check_image(image(tmp_path / "esp32.bin"), "esp32")
    check_image(image(tmp_path / "s3.bin", chip_id=9), "esp32s3")
    check_image(image(tmp_path / "esp8266.bin", chip_id=0x5C00, entry=0x401000F4), "esp8266")


def test_every_chip_that_esptool_flashes_is_told_from_the_others() -> None:
    chips = {boards.load(name).install.get("chip") for name in boards.names()} - {None}
    assert chips == CHIP_ID.keys() | {"esp8266"}


def test_a_wrong_file_stops_the_command_before_the_board_is_touched(tmp_path: Path) -> None:
    wrong = image(tmp_path / "esp32.bin")
    with Rom() as rom:
        done = flash("ESP32_GENERIC_S3", "--port", rom.port, "--firmware", str(wrong))
        assert rom.commands == []
    assert done.returncode == 1
    assert "is not for esp32s3" in done.stderr


def test_an_address_that_is_none_is_one_clear_message() -> None:
    with pytest.raises(ToolError, match="Invalid IPv6 URL"):
        download("http://[wrong/firmware.bin")


def port(name: str, vid: int | None) -> SimpleNamespace:
    return SimpleNamespace(device=name, vid=vid, description="CP2102")


def test_the_only_usb_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [port("/dev/ttyS0", None), port("/dev/ttyUSB0", 0x10C4)]
    monkeypatch.setattr("tools.ports.list_ports.comports", lambda: found)
    assert choose(None) == "/dev/ttyUSB0"
    assert choose("/dev/ttyS0") == "/dev/ttyS0"


def test_several_ports_or_none_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [port("/dev/ttyUSB0", 0x10C4), port("/dev/ttyUSB1", 0x10C4)]
    monkeypatch.setattr("tools.ports.list_ports.comports", lambda: found)
    with pytest.raises(ToolError, match=r"/dev/ttyUSB0 \(CP2102\), /dev/ttyUSB1"):
        choose(None)
    found.clear()
    with pytest.raises(ToolError, match="no board found on USB"):
        choose(None)
