"""Makes a board's file system: at the first start, and when it can't be read any more.

Frozen in place of the inisetup of the ESP32 and ESP8266 ports, which stops a board for good if its
file system is damaged. The ports' _boot.py calls setup() when mounting fails.
"""

import time

import vfs
from flashbdev import bdev
from micropython import const

_TRIES = const(3)
_PAUSE_MS = const(300)  # reads fail while the supply is still coming up
_BLOCK_SIZE = const(5)  # ioctl
_LOST = "the file system could not be read, and was made again; what was in it is lost"


def setup():
    """Mount the file system at /; make a new one if that fails. Raises OSError."""
    blank = _is_blank()
    for _ in range(0 if blank else _TRIES):
        try:
            vfs.mount(bdev, "/")
            return
        except OSError:
            time.sleep_ms(_PAUSE_MS)
    fat = hasattr(bdev, "info") and bdev.info()[4] == "ffat"  # the partition's label, on ESP32
    kind = vfs.VfsFat if fat else vfs.VfsLfs2
    kind.mkfs(bdev)
    vfs.mount(kind(bdev), "/")
    if not blank:
        print("Petrel:", _LOST)
        from node.health import retained

        crashes, restarts, _ = retained.load()
        retained.store(crashes, _LOST, restarts)  # goes out as `why`


def _is_blank():
    """Return whether the flash was never written."""
    block = bytearray(bdev.ioctl(_BLOCK_SIZE, 0))
    bdev.readblocks(0, block)
    return all(byte == 0xFF for byte in block)
