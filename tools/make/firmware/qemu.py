"""MicroPython on an emulated Cortex-M3: its firmware, the emulator, and the images with its files.

The firmware is that of MicroPython's own port for QEMU, board MPS2_AN385, with what a board has
besides: time, UARTs, os.urandom and littlefs (the folder qemu beside this file), and a heap of a
small board's size. Petrel is not in it: its modules come in an image that the emulator lays into
memory.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from tools.make.firmware import toolchain
from tools.make.romfs import make
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import BUILD, MICROPYTHON
from tools.start import bootstrap, debian
from tools.start.bootstrap import Step

BOARD = "MPS2_AN385"
MACHINE = "mps2-an385"
HEAP = 36 * 1024  # bytes, a little less than an ESP8266 has
IMAGE_AT = 0x21000000  # the board's PSRAM; as in qemu/image.py
RECIPE = "1"  # to be raised when something is made otherwise, so that it is made again

OVERLAY = Path(__file__).parent / "qemu"
EMULATOR = toolchain.BIN / "qemu-system-arm"

_LITTLEFS = """
import os, sys, vfs

class Disk:
    def __init__(self, blocks):
        self.memory = bytearray(blocks * 4096)

    def readblocks(self, number, into, offset=0):
        at = number * 4096 + offset
        into[:] = self.memory[at : at + len(into)]

    def writeblocks(self, number, data, offset=0):
        at = number * 4096 + offset
        self.memory[at : at + len(data)] = data

    def ioctl(self, request, argument):
        return {4: len(self.memory) // 4096, 5: 4096}.get(request, 0)

out, folder = sys.argv[1:3]
disk = Disk(96)
vfs.VfsLfs2.mkfs(disk)
vfs.mount(vfs.VfsLfs2(disk), "/image")

def copy(source, target):
    for name in os.listdir(source):
        here, there = source + "/" + name, target + "/" + name
        if os.stat(here)[0] & 0x4000:
            os.mkdir(there)
            copy(here, there)
        else:
            with open(here, "rb") as file, open(there, "wb") as written:
                written.write(file.read())

copy(folder, "/image")
with open(out, "wb") as file:
    file.write(disk.memory)
"""


def emulator() -> Path:
    """QEMU for ARM, fetched from Debian's archive if need be. Raises ToolError."""
    if not debian.available():
        raise ToolError(
            "QEMU comes from Debian's archive, and this system isn't based on Debian",
            "the tests on the emulated Cortex-M3 are left out",
        )
    with Lock(toolchain.HOME / "qemu.lock"):
        bootstrap.do([Step("QEMU for ARM", RECIPE, (EMULATOR,), _fetch)])
    return EMULATOR


def _fetch() -> str:
    arch, tree = debian.architecture(), toolchain.HOME / "qemu"
    debian.fetch(tree, toolchain.SOURCE_SUITE, arch, "qemu-system-arm")
    debian.wrap(EMULATOR, tree, arch, "usr/bin/qemu-system-arm")
    said = subprocess.run([EMULATOR, "--version"], capture_output=True, text=True, timeout=20)
    if said.returncode:
        EMULATOR.unlink()
        raise ToolError(f"QEMU doesn't start: {said.stderr.strip()}", "try again")
    return said.stdout.splitlines()[0]


def build(heap: int = HEAP) -> Path:
    """Build the firmware, what of it has changed; returns its ELF file. Raises ToolError.

    heap: its size in bytes
    """
    out = BUILD / "firmware" / (BOARD if heap == HEAP else f"{BOARD}-{heap}")
    out.mkdir(parents=True, exist_ok=True)
    with Lock(out.with_name(f"{out.name}.lock")):
        tools = toolchain.fetched()
        settings = {
            "BOARD": BOARD,
            "BUILD": out,
            "USER_C_MODULES": OVERLAY.parent,
            "FROZEN_MANIFEST": OVERLAY / "manifest.py",
            "MICROPY_HEAP_SIZE": heap,
            "MICROPY_VFS_LFS2": 1,
            "CFLAGS_EXTRA": f"-DMP_CONFIGFILE='\"mpconfig_petrel.h\"' -I{OVERLAY}",
        }
        options = [f"{name}={value}" for name, value in settings.items()]
        _forget_others(out, options)
        command = ["make", "-C", str(tools.source / "ports/qemu"), "-j2", *options]
        log = out / "build.log"
        with Console(stderr=True).status(f"building {out.name}"), log.open("w") as said:
            done = subprocess.run(
                command, env=tools.environment, stdout=said, stderr=subprocess.STDOUT
            )
        if done.returncode:
            wrong = [line for line in log.read_text().splitlines() if "rror" in line]
            raise ToolError(
                f"{out.name} does not build: {(wrong or ['no reason given'])[0]}",
                f"the whole output: {log}",
            )
    return out / "firmware.elf"


def _forget_others(out: Path, options: list[str]) -> None:
    """Start from scratch if the last build had other options: make does not look at them."""
    recipe = hashlib.sha256(" ".join([RECIPE, *options]).encode()).hexdigest()
    stamp = out / "recipe"
    if not stamp.exists() or stamp.read_text() != recipe:
        shutil.rmtree(out)
        out.mkdir()
        stamp.write_text(recipe)


def littlefs(folder: Path, out: Path) -> Path:
    """An image of a folder from which bytecode is copied into the heap. Returns `out`."""
    make([str(MICROPYTHON["64"]), "-c", _LITTLEFS, str(out), str(folder)])
    return out
