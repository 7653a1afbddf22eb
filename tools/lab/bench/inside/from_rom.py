"""Runs a program with lib/ in a ROMFS, as on a board that has one: its bytecode stays there.

    micropython source/from_rom.py IMAGE PROGRAM ARGUMENT...

The image is mapped into memory outside of the heap; the program comes from its source, which is
compiled into the heap as a user's own is.
"""

import os
import sys

import ffi
import uctypes
import vfs

size = os.stat(sys.argv[1])[6]
libc = ffi.open(None)
handle = libc.func("i", "open", "si")(sys.argv[1], 0)
at = libc.func("p", "mmap", "pIiiii")(None, size, 1, 2, handle, 0)
vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(at & 0xFFFFFFFF, size))), "/rom")
del sys.argv[1], libc, handle, at, size, ffi, uctypes, vfs, os
sys.path[:] = ["source", "/rom", ".frozen"]
sys.argv.pop(0)
__import__(sys.argv[0])
