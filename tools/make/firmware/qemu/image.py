"""Mounts the image that the emulator has put into the memory outside of MicroPython's heap.

A ROMFS is used where it stands, as on a board whose flash is mapped into memory. From littlefs, as
on an ESP8266 or a Pyboard, the bytecode is copied into the heap.
"""

import uctypes
import vfs
from micropython import const

_AT = const(0x21000000)
_ROMFS = b"\xd2\xcd\x31"  # how an image of that kind begins
_BLOCK = const(4096)


class _Disk:
    """A block device, of `size` bytes of memory."""

    def __init__(self, size):
        self.memory = uctypes.bytearray_at(_AT, size)

    def readblocks(self, number, into, offset=0):
        at = number * _BLOCK + offset
        into[:] = memoryview(self.memory)[at : at + len(into)]

    def writeblocks(self, number, data, offset=0):
        at = number * _BLOCK + offset
        self.memory[at : at + len(data)] = data

    def ioctl(self, request, argument):
        if request == 4:
            return len(self.memory) // _BLOCK
        if request == 5:
            return _BLOCK
        return 0


def mount(size):
    """Mount the image, of that many bytes, as /lib."""
    memory = uctypes.bytearray_at(_AT, size)
    if memory[:3] == _ROMFS:
        system = vfs.VfsRom(memory)
    else:
        system = vfs.VfsLfs2(_Disk(size), readsize=256, progsize=256, lookahead=32)
    vfs.mount(system, "/lib")
