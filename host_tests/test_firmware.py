"""`make firmware`: what it says where it cannot build. The build itself: host_tests/emulated."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.make.firmware import ports, room
from tools.make.firmware.toolchain import OTHERS, STAND_INS, UNUSED
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BOARDS, ROOT
from tools.start import debian


def firmware(*arguments: str) -> str:
    command = [sys.executable, "-m", "tools", "firmware", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    return done.stderr


def test_a_board_without_a_toolchain_says_how(tmp_path: Path) -> None:
    said = firmware("ESP32_GENERIC")
    assert "make firmware BOARD=ESP32_GENERIC MICROPYTHON=folder" in said
    said = firmware("ESP32_GENERIC", "--micropython", str(tmp_path))
    assert f"{tmp_path} is not a MicroPython source tree" in said
    assert "there is no board 'ESP32'" in firmware("ESP32")
    assert "make sim" in firmware("UNIX")


@pytest.mark.parametrize("name", [name for name in boards.names() if name != "UNIX"])
def test_a_missing_compiler_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    port = boards.load(name).facts["port"]
    folder = tmp_path / "ports" / port
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text("all:\n\t@echo $(BOARD) $(FROZEN_MANIFEST) > said\n")
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(ToolError, match=f"with {ports.NEEDS[port][0]}, which is not in PATH"):
        ports.build(name, tmp_path)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    ports.build(name, tmp_path)
    assert (folder / "said").read_text().split() == [name, str(BOARDS / name / "manifest.py")]


def test_a_firmware_that_reaches_into_the_file_system_is_refused(tmp_path: Path) -> None:
    """A Pico W has 1,228,800 bytes in front of it; the port itself doesn't look."""
    image = tmp_path / "firmware.bin"
    image.write_bytes(bytes(1_228_800))
    room.check("RPI_PICO_W", image)
    room.check("RPI_PICO", image, 868_352)
    with pytest.raises(ToolError, match="1,228,800 bytes, and RPI_PICO has room for 655,360"):
        room.check("RPI_PICO", image)
    image.write_bytes(bytes(1_228_801))
    with pytest.raises(ToolError, match="RPI_PICO_W has room for 1,228,800"):
        room.check("RPI_PICO_W", image)
    room.check("ESP32_GENERIC", image)  # whose build looks itself


def test_a_build_that_fails_says_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ports" / "rp2"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text("all:\n\t@exit 2\n")
    monkeypatch.setattr(shutil, "which", lambda program: program)
    with pytest.raises(ToolError, match="failed, see above") as caught:
        ports.build("RPI_PICO", tmp_path)
    assert "submodules all" in caught.value.hint


def test_what_is_left_out_of_the_archives_is_not_needed(tmp_path: Path) -> None:
    kept = ("./usr/lib/arm-none-eabi/newlib/thumb/v6-m/nofp/libc.a", "./usr/bin/arm-none-eabi-gcc",
            "./usr/lib/gcc/arm-none-eabi/12.2.1/thumb/v7-m/nofp/libgcc.a",
            "./usr/lib/gcc/arm-none-eabi/12.2.1/cc1")  # fmt: skip
    left = ("./usr/lib/arm-none-eabi/newlib/thumb/v7-a/nofp/libc.a",
            "./usr/lib/gcc/arm-none-eabi/12.2.1/arm/v5te/hard/libgcc.a",
            "./usr/share/doc/gcc-arm-none-eabi/README")  # fmt: skip
    tree = tmp_path / "in"
    for name in (*kept, *left):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tree, ".")
    with tarfile.open(tmp_path / "a.tar") as tar:
        debian._extract(tar, tmp_path / "out", OTHERS)
    out = tmp_path / "out"
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) == sorted(
        name[2:] for name in kept
    )
    assert re.search(UNUSED, "micropython-1.25.0/ports/esp32/main.c")
    assert not re.search(UNUSED, "micropython-1.25.0/ports/rp2/main.c")


def test_every_driver_that_the_port_freezes_has_a_stand_in() -> None:
    assert {path.stem for path in STAND_INS} == {
        "dht", "ds18x20", "neopixel", "onewire",
    }  # fmt: skip
