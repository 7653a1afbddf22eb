"""What files take on a board's file system, which gives its room out in blocks.

A file of 20 bytes takes a block, and so does a folder. On a Pyboard v1.1 that makes of the whole
package a quarter more than its bytes, on littlefs four times as much. The figures are never too
small; tests hold them against MicroPython's own file systems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tools.shared.boards import Board

_FAT_SECTOR = 512
_FAT_ROOT = 512  # entries of the top folder, which has its room to itself
_FAT_ENTRY = 32
_FAT_NAME = 13  # characters of a long name in an entry
_LITTLEFS_ENTRY = 64  # of a name, a structure, the time and their tags; besides the name


@dataclass(frozen=True)
class FileSystem:
    """kind: "fat", "littlefs", or "host", which nothing is counted on; block: its bytes."""

    kind: str
    block: int

    def taken(self, sizes: Mapping[str, int]) -> int:
        """Bytes that files take, with their folders; sizes: path -> bytes."""
        if self.kind == "host":
            return sum(sizes.values())
        folders: dict[str, int] = defaultdict(int)  # its path -> bytes of its entries
        for name in sizes:
            parts = name.split("/")
            for depth in range(len(parts)):
                folders["/".join(parts[:depth])] += 0
        for path in (*sizes, *(folder for folder in folders if folder)):
            above, _, name = path.rpartition("/")
            folders[above] += self._entry(name)
        blocks = sum(_pieces(size, self.block) for size in sizes.values())
        return self.block * (blocks + sum(map(self._folder, folders, folders.values())))

    def room(self, size: int) -> int:
        """Bytes for files and folders on one of that size, new and empty."""
        if self.kind == "host":
            return size
        if self.kind == "littlefs":  # the top folder has its first pair from the start
            return size - 2 * self.block
        sectors = size // _FAT_SECTOR - 1 - _FAT_ROOT * _FAT_ENTRY // _FAT_SECTOR
        clusters = sectors * _FAT_SECTOR // self.block
        table = _pieces((clusters + 2) * 3 // 2 + 1, _FAT_SECTOR)  # 12 bits for a cluster
        return (sectors - table) * _FAT_SECTOR // self.block * self.block

    def _entry(self, name: str) -> int:
        if self.kind == "fat":  # a computer writes a long name even where a short one would do
            return _FAT_ENTRY * (1 + _pieces(len(name), _FAT_NAME))
        return _LITTLEFS_ENTRY + len(name)

    def _folder(self, path: str, entries: int) -> int:
        """Blocks of a folder with so many bytes of entries."""
        if self.kind == "littlefs":  # a pair of blocks, and another once it is half full
            return 2 * max(1, _pieces(2 * entries, self.block)) - (0 if path else 2)
        return _pieces(entries + 2 * _FAT_ENTRY, self.block) if path else 0


def of(board: Board) -> FileSystem:
    """The file system of a board."""
    storage = board.petrel["storage"]
    return FileSystem(storage["system"], storage["block"] or 1)


def capacity(board: Board) -> int | None:
    """Bytes for files and folders on that board when it is empty; None where nobody knows."""
    size = board.petrel["storage"]["bytes"]
    return None if size is None else of(board).room(size)


def _pieces(size: int, piece: int) -> int:
    return -(-size // piece)
