# heap: 512K
# port
"""A file system that cannot be mounted: what the frozen inisetup makes of it."""

import os
import sys

import vfs
from disk import Disk

from node.health import retained

GARBAGE = bytes((i * 37 + 11) & 0xFF for i in range(512))


class Flashbdev:
    """The port's module of that name."""

    def __init__(self, disk):
        self.bdev = disk


def memory(data=None, kept=[b""]):  # noqa: B006
    """The RTC's memory."""
    if data is not None:
        kept[0] = data
    return kept[0]


retained._memory = lambda: memory


class Labelled(Disk):
    """A partition of the ESP32, which tells its label."""

    def info(self):
        return (1, 130, 0, 0, self.label, False)


def made(kind, label):
    disk = Labelled(512, 100)
    disk.label = label
    kind.mkfs(disk)
    vfs.mount(kind(disk), "/flash")
    with open("/flash/kept.txt", "w") as file:
        file.write("kept")
    vfs.umount("/flash")
    return disk


class Vfs:
    """The module vfs, but the root is /flash: / is taken, by the files of this computer."""

    VfsLfs2 = vfs.VfsLfs2
    VfsFat = vfs.VfsFat

    def mount(self, what, where):
        assert where == "/"
        vfs.mount(what, "/flash")


def recover(disk, instead=None):
    """Let _boot.py's step run on that disk; returns the files there are then."""
    sys.modules["flashbdev"] = Flashbdev(disk)
    sys.modules["vfs"] = instead or Vfs()
    sys.modules.pop("inisetup", None)
    before = os.getcwd()
    try:
        import inisetup

        inisetup.setup()
        os.chdir("/flash")
        found = os.listdir()
        with open("config.json", "w") as file:  # it can be written
            file.write("{}")
        assert "config.json" in os.listdir()
        return found
    finally:
        sys.modules["vfs"] = vfs
        os.chdir(before)
        vfs.umount("/flash")


# fault: unmountable
def test_littlefs_that_cannot_be_mounted_is_made_anew_and_that_is_told():
    for damage in (GARBAGE, bytes(512), b"\xff" * 512):
        disk = made(vfs.VfsLfs2, "vfs")
        disk.data[0:512] = GARBAGE  # not blank, whatever the rest is
        disk.data[512:1024] = damage
        retained.store(2, "something else", 1)
        assert recover(disk) == []
        crashes, restarts, why = retained.load()
        assert (crashes, restarts) == (2, 1)
        assert "made again" in why


# fault: unmountable
def test_fat_that_cannot_be_mounted_is_made_anew():
    disk = made(vfs.VfsFat, "ffat")
    disk.data[0 : 512 * 8] = GARBAGE * 8
    assert recover(disk) == []
    vfs.VfsFat(disk)  # it is FAT again


def test_the_first_start_makes_one_and_tells_nothing():
    disk = Labelled(512, 100, bytearray(b"\xff" * 51_200))
    disk.label = "vfs"
    retained.store(0)
    assert recover(disk) == []
    assert retained.load() == (0, 0, "")


# fault: unmountable
def test_what_can_be_read_at_the_second_try_is_not_touched():
    disk = made(vfs.VfsLfs2, "vfs")

    class Late(Vfs):
        left = 2

        def mount(self, what, where):
            if self.left:
                self.left -= 1
                raise OSError(19)
            Vfs.mount(self, what, where)

    retained.store(0)
    assert recover(disk, Late()) == ["kept.txt"]
    assert retained.load() == (0, 0, "")
