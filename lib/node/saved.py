"""The files of the config: read, written in one step, and never lost.

Three files: config.json is what counts. config.json.old is the last one that was found good; it
is used when config.json is missing, cut short or wrong. config.json.new exists for the moment of a
save; when there is no config.json, a power cut came at the worst moment of a save on a FAT file
system, and config.json.new is complete. Where there is none of the three, it is the one that was
built into the firmware, as `board.CONFIG`, if any was.

Saving (see node.interval) writes .new and renames it over config.json: littlefs does that in one
step. FAT refuses to rename onto a file, so there the old one is removed first.
"""

import os

from micropython import const

NAME = "config.json"
_MOST = const(16_384)  # bytes; a board may take fewer, see node.verdict


def keep(text):
    """Keep a good config, bytes, as config.json.old, if it is not there already."""
    try:
        with open(NAME + ".old", "rb") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    write(NAME + ".old", text)


def write(name, text):
    """Write a file of bytes in one step."""
    new = name + ".new"
    with open(new, "wb") as file:
        file.write(text)
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(new, name)
    except OSError:
        os.remove(name)
        os.rename(new, name)


def read(name, faults, most=_MOST):
    """Return a file's bytes, without a byte order mark; None, with a fault, if there are none."""
    try:
        size = os.stat(name)[6]
        if size > most:
            faults.append("%s: %d bytes. It can have %d at most." % (name, size, most))
            return None
        with open(name, "rb") as file:
            text = file.read()
    except OSError:
        faults.append("%s: there is none that can be read. Copy one to the board." % name)
        return None
    except MemoryError:
        faults.append("%s: %d bytes. This board has no memory for so many." % (name, size))
        return None
    if text[:3] == b"\xef\xbb\xbf":
        text = text[3:]
    return text


def exists(name):
    """True if there is a file of that name."""
    try:
        os.stat(name)
        return True
    except OSError:
        return False
