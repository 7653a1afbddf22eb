"""A slot as a read-only file system. It is copied beside the slot, and the boot stage loads it.

The files are in a .pack, one after the other. An .index has 12 bytes for each file and folder,
sorted: the start of its path's SHA-256, its place, its size. Older nodes write what this reads, so
it stays as it is; see node.update.commit.
"""

import io
from hashlib import sha256

from micropython import const

_ENTRY = const(12)
_KEY = const(4)
_FOLDER = const(0x3FFF_FFFF)  # in place of a size
_ABSENT = const(2)  # ENOENT
_BUFFER_SIZE = const(11)  # a request of ioctl()


def key(path):
    """Return what stands for a path in the index."""
    return sha256(path.encode()).digest()[:_KEY]


def mount(name):
    """Mount the slot at /slot."""
    import vfs

    vfs.mount(Pack(name), "/slot")


class Pack:
    """The file system, as vfs.mount() takes it."""

    def __init__(self, name):
        self.pack = open(name + ".pack", "rb")  # noqa: SIM115  # it stays open
        self.index = open(name + ".index", "rb")  # noqa: SIM115
        self.count = self.index.seek(0, 2) // _ENTRY

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        self.pack.close()
        self.index.close()

    def find(self, path):
        """Return place and size; a folder's size is _FOLDER."""
        wanted = key(path.strip("/"))
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            self.index.seek(_ENTRY * middle)
            entry = self.index.read(_ENTRY)
            if entry[:_KEY] == wanted:
                return int.from_bytes(entry[4:8], "big"), int.from_bytes(entry[8:], "big")
            if entry[:_KEY] < wanted:
                low = middle + 1
            else:
                high = middle
        raise OSError(_ABSENT)

    def stat(self, path):
        size = self.find(path)[1]
        folder = size == _FOLDER
        return 0x4000 if folder else 0x8000, 0, 0, 0, 0, 0, 0 if folder else size, 0, 0, 0

    def open(self, path, mode):
        return Part(self.pack, *self.find(path))


class Part(io.IOBase):
    """A file of the slot."""

    def __init__(self, pack, at, left):
        self._pack = pack
        self._at = at
        self._left = left

    def readinto(self, buffer):
        self._pack.seek(self._at)
        n = self._pack.readinto(buffer, min(len(buffer), self._left))
        self._at += n
        self._left -= n
        return n

    def close(self):
        pass

    def ioctl(self, request, argument):
        return 128 if request == _BUFFER_SIZE else 0
