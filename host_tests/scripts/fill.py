# A file system of MicroPython's own in RAM, and a folder copied onto it.
# Arguments: fat or littlefs, its bytes, a folder. Prints as JSON: the bytes of a block, those
# free when it was empty, and those free with the files; null for these if there was no room.
import json
import os
import sys

import vfs

_FILES = 0x8000


class Ram:
    def __init__(self, size, block):
        self.data = memoryview(bytearray(size))
        self.block = block

    def readblocks(self, number, buffer, offset=0):
        at = number * self.block + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, number, buffer, offset=0):
        at = number * self.block + offset
        self.data[at : at + len(buffer)] = buffer

    def ioctl(self, what, argument):
        if what == 4:
            return len(self.data) // self.block
        return self.block if what == 5 else 0


def copy(source, target):
    for entry in os.ilistdir(source):
        here, there = source + "/" + entry[0], target + "/" + entry[0]
        if entry[1] == _FILES:
            with open(here, "rb") as file, open(there, "wb") as out:
                out.write(file.read())
        else:
            os.mkdir(there)
            copy(here, there)


def free():
    found = os.statvfs("/board")
    return found[0] * found[4]


kind, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if kind == "fat":
    device = Ram(size, 512)
    vfs.VfsFat.mkfs(device)
    made = vfs.VfsFat(device)
else:
    device = Ram(size, 4096)
    vfs.VfsLfs2.mkfs(device)
    made = vfs.VfsLfs2(device)
vfs.mount(made, "/board")
empty = free()
try:
    copy(folder, "/board")
    left = free()
except OSError:
    left = None
print(json.dumps([os.statvfs("/board")[0], empty, left]))
