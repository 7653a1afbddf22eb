"""Looks at a FAT file system as a repair program does: which bytes belong to whom."""

import struct

import vfs


def table(disk):
    """Return where the allocation table begins, and where it ends."""
    size, _, reserved, copies, _, _, _, sectors = struct.unpack_from("<HBHBHHBH", disk.data, 11)
    return reserved * size, (reserved + copies * sectors) * size


def faults(disk):
    """Return what is wrong with a FAT12: bytes that belong to two files, and files cut short."""
    data = disk.data
    size, per, _, _, entries, _, _, _ = struct.unpack_from("<HBHBHHBH", data, 11)
    begin, root = table(disk)
    first = root + entries * 32
    owners = {}
    found = []

    def chain(cluster, name):
        taken = []
        while 2 <= cluster < 0xFF0:
            if cluster in owners:
                found.append("%s has bytes of %s" % (name, owners[cluster]))
                break
            owners[cluster] = name
            taken.append(cluster)
            at = begin + cluster * 3 // 2
            pair = data[at] | data[at + 1] << 8
            cluster = pair >> 4 if cluster & 1 else pair & 0xFFF
        if taken and cluster < 0xFF8:
            found.append("%s breaks off" % name)
        return taken

    def folder(at, count, path):
        """Look at so many entries; return whether there may be more."""
        for i in range(count):
            entry = data[at + 32 * i : at + 32 * i + 32]
            if not entry[0]:
                return False
            if entry[0] in (0xE5, 0x2E) or entry[11] == 0x0F:  # removed, ".", a part of a name
                continue
            cluster, length = struct.unpack_from("<HI", entry, 26)
            name = path + str(entry[:11], "utf-8")
            taken = chain(cluster, name)
            if entry[11] & 0x10:
                for each in taken:
                    if not folder(first + (each - 2) * per * size, per * size // 32, name + "/"):
                        break
            elif len(taken) * per * size < length:
                found.append("%s has %d bytes in %d clusters" % (name, length, len(taken)))
        return True

    folder(root, entries, "/")
    return found


def intact(kind, log):
    """Return what looks at a FAT after each cut of a run: later writes must not meet what it left.

    That can't be if the allocation table itself was torn within a sector. For littlefs: None
    """

    def left(disk, index, torn):
        begin, end = table(disk)
        if not (torn and begin <= log[index][0] < end):
            assert not faults(disk), (index, torn, faults(disk))

    return left if kind is vfs.VfsFat else None
