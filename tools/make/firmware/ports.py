"""Firmware by the port's own build, in a MicroPython tree and with a toolchain of the user's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tools.make.firmware import room
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BOARDS, BUILD, ROOT

# What a port's build calls first, and where MicroPython tells how to get it.
NEEDS = {
    "esp32": ("idf.py", "ESP-IDF: install it and source its export.sh"),
    "esp8266": ("xtensa-lx106-elf-gcc", "the ESP open SDK's compiler"),
    "stm32": ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    "rp2": ("arm-none-eabi-gcc", "gcc-arm-none-eabi, and cmake"),
}


def build(name: str, micropython: Path) -> None:
    """Call the build of the board's port with our manifest; ToolError for what is missing."""
    port = boards.load(name).facts["port"]
    folder = micropython / "ports" / port
    if not (folder / "Makefile").exists():
        raise ToolError(
            f"{micropython} is not a MicroPython source tree: there is no {folder}",
            "MICROPYTHON=folder, a clone of MicroPython with its submodules",
        )
    program, what = NEEDS[port]
    if not shutil.which(program):
        raise ToolError(
            f"ports/{port} is built with {program}, which is not in PATH",
            f"it comes with {what}; see {folder / 'README.md'}",
        )
    manifest = BOARDS / name / "manifest.py"
    command = ["make", "-C", str(folder), f"BOARD={name}", f"FROZEN_MANIFEST={manifest}"]
    if subprocess.run(command).returncode:
        raise ToolError(
            f"the build of ports/{port} failed, see above",
            f"does it build without Petrel? make -C {folder} BOARD={name} submodules all",
        )
    image = folder / f"build-{name}" / "firmware.bin"
    if image.exists():
        room.check(name, image)
        kept = BUILD / "firmware" / f"{name}.bin"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, kept)
        print(f"{kept}: for make flash FIRMWARE={kept.relative_to(ROOT)}, or make web")
