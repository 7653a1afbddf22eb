# Runs the whole node from a ROMFS, as a board does that has one: its bytecode stays in the ROM.
# The image is mapped into memory outside of the heap. Arguments: IMAGE, and in place of a node the
# name of a program that is in the ROM, with its arguments.
import os
import sys

import ffi
import uctypes
import vfs

size = os.stat(sys.argv[1])[6]
libc = ffi.open(None)
handle = libc.func("i", "open", "si")(sys.argv[1], 0)
address = libc.func("p", "mmap", "pIiiii")(None, size, 1, 2, handle, 0)
vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(address & 0xFFFFFFFF, size))), "/rom")
del sys.argv[1], libc, handle, address, size, ffi, uctypes, vfs
sys.path[:] = ["/rom", ".frozen"]
if len(sys.argv) > 1:
    __import__(sys.argv.pop(1))
else:
    if "update" in os.listdir():  # it takes updates
        import stage as main
    else:
        import node.main as main
    main.boot()
    main.run()
