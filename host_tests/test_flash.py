"""Flashing: the command, and what is refused before a board is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from host_tests.harness.firmware import firmware
from tools.board.flash import CHIP_ID, check_image, download, explain
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.shared.ports import choose

APPLICATION = 0xABCD5432  # the first word of an update's segment


def image(path: Path, chip: str = "esp32", first: int = 0x50) -> Path:
    """A file with a firmware for a chip."""
    path.write_bytes(firmware(chip, first=first))
    return path


def flash(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "flash", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_dry_run_prints_the_command_and_touches_nothing() -> None:
    done = flash("ESP8266_GENERIC", "--dry-run", "--port", "/dev/ttyUSB7")
    assert done.returncode == 0
    assert done.stdout == (
        "$ esptool --chip esp8266 --port /dev/ttyUSB7 --baud 460800"
        " write-flash --erase-all --flash-size detect 0x0 FIRMWARE.bin\n"
    )


def test_dry_run_looks_whether_the_file_is_there_and_fits(tmp_path: Path) -> None:
    done = flash("ESP32_GENERIC", "--dry-run", "--firmware", str(tmp_path / "none.bin"))
    assert done.returncode == 1
    assert "error: there is no file " in done.stderr
    other = image(tmp_path / "other.bin", "esp32s3")
    done = flash("ESP32_GENERIC", "--dry-run", "--firmware", str(other))
    assert done.returncode == 1
    assert "is not for esp32" in done.stderr
    good = image(tmp_path / "a good one.bin")
    done = flash("ESP32_GENERIC", "--dry-run", "--firmware", str(good))
    assert done.returncode == 0, done.stderr
    assert f"'{good}'" in done.stdout


def test_without_a_firmware_it_says_where_there_is_one() -> None:
    done = flash("ESP32_GENERIC", "--port", "/dev/null")
    assert done.returncode == 1
    assert "https://micropython.org/download/ESP32_GENERIC/" in done.stderr


def test_of_several_builds_it_points_to_the_one_with_a_romfs(tmp_path: Path) -> None:
    done = flash("ESP8266_GENERIC", "--port", "/dev/null")
    assert done.returncode == 1
    assert "Take the variant FLASH_2M_ROMFS: Petrel's code stays in its flash" in done.stderr
    plain = image(tmp_path / "plain.bin", "esp8266")
    done = flash("ESP8266_GENERIC", "--dry-run", "--firmware", str(plain))
    assert done.returncode == 0
    assert "plain.bin has no ROMFS. Petrel works with it, but its code then takes" in done.stdout
    plain.write_bytes(plain.read_bytes() + b"\0rom_ioctl\0")
    done = flash("ESP8266_GENERIC", "--dry-run", "--firmware", str(plain))
    assert "ROMFS" not in done.stdout
    other = image(tmp_path / "other.bin")
    assert "ROMFS" not in flash("ESP32_GENERIC", "--dry-run", "--firmware", str(other)).stdout


def test_a_board_without_esptool_gets_its_steps() -> None:
    done = flash("RPI_PICO_W")
    assert done.returncode == 0
    assert "BOOTSEL" in done.stdout


def test_wrong_files_are_refused_before_anything_is_erased(tmp_path: Path) -> None:
    text = tmp_path / "readme.txt"
    text.write_text("this is no firmware at all")
    with pytest.raises(ToolError, match="not an ESP firmware"):
        check_image(text, "esp32")
    with pytest.raises(ToolError, match="not for esp32s3"):
        check_image(image(tmp_path / "esp32.bin"), "esp32s3")
    with pytest.raises(ToolError, match="can't read"):
        check_image(tmp_path / "missing.bin", "esp32")
    with pytest.raises(ToolError, match=r"is an update \(\.app-bin\)"):
        check_image(image(tmp_path / "esp32.app-bin", first=APPLICATION), "esp32")
    with pytest.raises(ToolError, match="not for esp8266"):
        check_image(image(tmp_path / "esp32.bin"), "esp8266")


def test_right_files_are_taken(tmp_path: Path) -> None:
    check_image(image(tmp_path / "esp32.bin"), "esp32")
    check_image(image(tmp_path / "s3.bin", "esp32s3"), "esp32s3")
    check_image(image(tmp_path / "esp8266.bin", "esp8266"), "esp8266")


def test_every_chip_that_esptool_flashes_is_told_from_the_others() -> None:
    chips = {boards.load(name).install.get("chip") for name in boards.names()} - {None}
    assert chips == CHIP_ID.keys() | {"esp8266"}


def test_a_chip_without_a_board_here_is_said() -> None:
    said = "A fatal error occurred: This chip is ESP32-S2, not ESP32. Wrong chip argument?"
    error = explain(said, boards.load("ESP32_GENERIC"), "/dev/ttyUSB0", "firmware.bin")
    assert "the board on /dev/ttyUSB0 is an ESP32-S2" in error.message
    assert "Petrel does not know this chip" in error.hint


def test_an_address_that_is_none_is_one_clear_message() -> None:
    with pytest.raises(ToolError, match="Invalid IPv6 URL"):
        download("http://[wrong/firmware.bin")


def port(name: str, vid: int | None) -> SimpleNamespace:
    return SimpleNamespace(device=name, vid=vid, description="CP2102")


def test_the_only_usb_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [port("/dev/ttyS0", None), port("/dev/ttyUSB0", 0x10C4)]
    monkeypatch.setattr("tools.shared.ports.list_ports.comports", lambda: found)
    assert choose(None) == "/dev/ttyUSB0"
    assert choose("/dev/ttyS0") == "/dev/ttyS0"


def test_several_ports_or_none_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [port("/dev/ttyUSB0", 0x10C4), port("/dev/ttyUSB1", 0x10C4)]
    monkeypatch.setattr("tools.shared.ports.list_ports.comports", lambda: found)
    with pytest.raises(ToolError, match=r"/dev/ttyUSB0 \(CP2102\), /dev/ttyUSB1"):
        choose(None)
    found.clear()
    with pytest.raises(ToolError, match="no board found on USB"):
        choose(None)
