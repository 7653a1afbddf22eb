"""MicroPython for the Pico, with Petrel frozen in: cmake and ninja, as the port itself has it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import Progress

from tools.make.firmware import room
from tools.make.firmware.toolchain import Toolchain, fetched
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import BOARDS, BUILD
from tools.shared.process import popen

BOARD = "RPI_PICO"
STOCK = "RPI_PICO-stock"
STOCK_ROMFS = 256 * 1024  # bytes, for what `mpremote romfs deploy` puts there
# Petrel takes more than the 640 KB that the port leaves for firmware, and its files are in there.
FILES = 1280 * 1024  # bytes of the file system


def build(stock: bool = False, quiet: bool = False) -> Path:
    """Build it; returns the folder with firmware.uf2 and firmware.bin. Raises ToolError.

    stock: MicroPython as it is published, without Petrel, but with room for a ROMFS
    """
    tools = fetched()
    out = BUILD / "firmware" / (STOCK if stock else BOARD)
    with Lock(out.with_name(f"{out.name}.lock")):
        _build(tools, out, stock, quiet)
    return out


def _build(tools: Toolchain, out: Path, stock: bool, quiet: bool) -> None:
    settings = {
        "MICROPY_BOARD": BOARD,
        "MICROPY_BOARD_DIR": _board(tools, out / "board", stock),
        "PICO_SDK_PATH_OVERRIDE": tools.sdk / "src/pico-sdk",
        "picotool_DIR": tools.sdk / "lib/cmake/picotool",
        "pioasm_DIR": tools.sdk / "lib/cmake/pioasm",
    }
    if not stock:
        settings["MICROPY_FROZEN_MANIFEST"] = BOARDS / BOARD / "manifest.py"
    options = [f"-D{name}={value}" for name, value in settings.items()]
    port = str(tools.source / "ports/rp2")
    configure = ["cmake", "-G", "Ninja", "-S", port, "-B", str(out), *options]
    errors = Console(stderr=True)
    with (
        (out / "build.log").open("w") as log,
        Progress(transient=True, disable=quiet, console=errors) as bar,
    ):
        task = bar.add_task(f"building {out.name}", total=None)
        for command in (configure, ["ninja", "-C", str(out)]):
            for done, total in _run(command, tools.environment, log):
                bar.update(task, completed=done, total=total)
    if not stock:
        room.check(BOARD, out / "firmware.bin", FILES)


def _board(tools: Toolchain, folder: Path, stock: bool) -> Path:
    """The port's own definition of the board, with room for a ROMFS or for Petrel."""
    for source in (tools.source / "ports/rp2/boards" / BOARD).iterdir():
        text = source.read_text()
        if source.name == "mpconfigboard.h":
            text += f"#define MICROPY_HW_ROMFS_BYTES ({STOCK_ROMFS if stock else 0})\n"
            if not stock:
                text += "#undef MICROPY_HW_FLASH_STORAGE_BYTES\n"
                text += f"#define MICROPY_HW_FLASH_STORAGE_BYTES ({FILES})\n"
        target = folder / source.name
        if not target.exists() or target.read_text() != text:  # else it would build all again
            folder.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return folder


def _run(
    command: list[str], environment: dict[str, str], log: TextIO
) -> Iterator[tuple[int, int]]:
    """Run a command; yields how many of ninja's steps are done, of how many."""
    process = popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        log.write(line)
        if step := re.match(r"\[(\d+)/(\d+)\]", line):
            yield int(step[1]), int(step[2])
    if process.wait():
        wrong = [line.strip() for line in said if re.search(r"\berror\b", line, re.IGNORECASE)]
        why = wrong[0] if wrong else "".join(said[-1:]).strip()
        raise ToolError(f"{command[0]} failed: {why}", f"the whole output: {log.name}")
