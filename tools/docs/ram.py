"""What code of a node takes of a 32-bit heap, for the pages that tell it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tools.wiring.drivers import run

_NAME = 7  # bytes that MicroPython's table of names takes for each, besides its text
# With the path of a ROMFS as the last argument, modules come from there.
_BEGIN = """
import gc, json, sys
import array, math, struct, time, micropython
if len(sys.argv) > 2:
    import ffi, os, uctypes, vfs
    size = os.stat(sys.argv[2])[6]
    libc = ffi.open(None)
    at = libc.func("p", "mmap", "pIiiii")(
        None, size, 1, 2, libc.func("i", "open", "si")(sys.argv[2], 0), 0)
    vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(at & 0xFFFFFFFF, size))), "/rom")
    sys.path[:] = ["/rom", ".frozen"]
"""
# What make(argument) takes, and each further time. The collector takes some old words for
# references, so that there seems to be more in use: never less. Each round has another layout, and
# the least counts.
_MADE = """
def deep(depth, function):
    return deep(depth - 1, function) if depth else function()
def used():
    gc.collect()
    deep(30, int)
    gc.collect()
    return gc.mem_alloc()
def some(count):
    made = [make(argument) for _ in range(count)]
    done()
    for name in list(sys.modules):
        if name.startswith("sensors"):
            del sys.modules[name]
    return made
argument = json.loads(sys.argv[1])
import node
micropython.qstr_info()
some(1)
micropython.qstr_info()
for count in (1, 2):
    before, after = [], []
    for layout in range(8):
        padding = bytearray(layout * 96)
        before.append(deep(layout, used) - layout * 96)
        held = deep(layout * 2, lambda: some(count))
        after.append(deep(layout, used) - layout * 96)
        held = None
    print(min(after) - min(before))
"""


def measure(code: str, argument: str, folder: Path, image: Path | None) -> tuple[list[int], int]:
    """The numbers that code prints at its end, and the bytes of names that it brought.

    The code calls micropython.qstr_info() before and after. folder: where its modules are
    image: a ROMFS to take them from; it has the texts of the names
    """
    # The path is relative: it stays in the heap, and its length would be measured.
    where = [os.path.relpath(image, folder)] if image else []
    said = run("32", _BEGIN + code, argument, *where, cwd=folder)
    pools = re.findall(r"n_qstr=(\d+), n_str_data_bytes=(\d+)", said)
    names, text = (int(b) - int(a) for a, b in zip(*pools, strict=True))
    numbers = [int(line) for line in said.splitlines() if line.isdigit()]
    return numbers, _NAME * names + (0 if image else text)


def made(code: str, argument: str, folder: Path, image: Path | None) -> tuple[int, int]:
    """Bytes of the first object that make(argument) of some code makes, and of each further one.

    done() of that code is called when all are made.
    """
    (one, two), names = measure(code + _MADE, argument, folder, image)
    return one + names, two - one
