"""Flash in RAM, a block device that keeps a log of its writes: for power cuts at any of them."""

import os

import vfs


class Disk:
    """`blocks` of `size` bytes. log: None, or a list to which each write and erase is added.

    Counters: writes, written (bytes), erases. fails_at: a write with that number raises OSError.
    """

    def __init__(self, size=512, blocks=64, data=None):
        self.size = size
        self.blocks = blocks
        self.data = data if data is not None else bytearray(size * blocks)
        self.log = None
        self.writes = self.written = self.erases = 0
        self.fails_at = -1

    def readblocks(self, block, buffer, offset=0):
        at = block * self.size + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.writes += 1
        if self.writes == self.fails_at:
            raise OSError(5)
        self.written += len(buffer)
        if self.log is not None:
            self.log.append((block * self.size + offset, bytes(buffer)))
        at = block * self.size + offset
        self.data[at : at + len(buffer)] = buffer

    def ioctl(self, op, argument):
        if op == 4:
            return self.blocks
        if op == 5:
            return self.size
        if op == 6:
            self.erases += 1
            if self.log is not None:
                self.log.append((argument * self.size, b"\xff" * self.size))
            at = argument * self.size
            self.data[at : at + self.size] = b"\xff" * self.size
            return 0


class Mounted:
    """A file system on a disk, mounted at /flash, and the working folder there."""

    def __init__(self, kind, disk, make=True):
        self.kind = kind
        self.disk = disk
        if make:
            kind.mkfs(disk)

    def __enter__(self):
        vfs.mount(self.kind(self.disk), "/flash")
        self._before = os.getcwd()
        os.chdir("/flash")
        return self.disk

    def __exit__(self, *_):
        os.chdir(self._before)
        vfs.umount("/flash")


def payloads(outbox):
    """All that an outbox holds, in order, by taking it out."""
    found = []
    while outbox.count:
        outbox.get(0)
        found.append(bytes(outbox.payload))
        outbox.pop()
    return found


def fresh(kind, blocks=64):
    """A new file system of that kind, on a disk in the block size that suits it."""
    return Mounted(kind, Disk(512, blocks if kind is vfs.VfsLfs2 else max(blocks, 100)))
