# Runs the whole node from a ROMFS, as in_rom.py does, and ends it when it has told Home Assistant
# all there is. Prints the bytes in use then, the most that were in use meanwhile beyond those
# before, and every name in RAM. Arguments: IMAGE, and how many bytes to lose, so that all else
# lies elsewhere.
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
lost = bytearray(int(sys.argv[2]))
del sys.argv[1:], libc, handle, address, size, ffi, uctypes, vfs
sys.path[:] = ["/rom", ".frozen"]
import builtins  # noqa: E402
import gc  # noqa: E402

import micropython  # noqa: E402

import node.main  # noqa: E402
from node.app import Node  # noqa: E402

SETTLED_S = 25  # of uptime: it announces itself in the first ten, and the diagnostics have left
LOOKS = 8  # the least of so many seconds: a stale word is seldom there for long
# Bytes in use before it announces itself, the most since, and the least once it has settled.
state = [0, 0, 1 << 30]
each_second, opened = Node._each_second, open


def look():
    gc.collect()
    return gc.mem_alloc()


def every_second(self):
    state[0] = look()
    each_second(self)
    if self.uptime >= SETTLED_S:
        state[2] = min(state[2], look())
    if self.uptime == SETTLED_S + LOOKS:
        print("in use", state[2] - len(lost))
        print("most", state[1])
        micropython.qstr_info(1)
        self.ended = "settled"


class File:
    """The file of the discovery; looks whenever something of it is read."""

    def __init__(self, *args):
        self.file = opened(*args)
        self.close = self.file.close

    def readline(self):
        line = self.file.readline()
        state[1] = max(state[1], look() - state[0])
        return line

    def readinto(self, *args):
        state[1] = max(state[1], look() - state[0])
        return self.file.readinto(*args)


def opening(name, *mode):
    return File(name, *mode) if mode == ("rb",) and name[:4] == "home" else opened(name, *mode)


Node._each_second = every_second
builtins.open = opening
node.main.boot()
node.main.run()
