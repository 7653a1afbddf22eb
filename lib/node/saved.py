"""The files of the config: read, written in one step, and never lost.

Three files: config.json is what counts. config.json.old is the last one that was found good; it
is used when config.json is missing, cut short or wrong. config.json.new exists for the moment of a
save; when there is no config.json, a power cut came at the worst moment of a save on a FAT file
system, and config.json.new is complete. Where there is none of the three, it is the one that was
built into the firmware, as `board.CONFIG`, if any was.

Saving (see node.interval) writes .new and renames it over config.json: littlefs does that in one
step. FAT refuses to rename onto a file, so there the old one is removed first.
"""

import json
import os

from micropython import const

NAME = "config.json"
_MOST = const(4096)  # bytes


def keep(text):
    """Keep a good config as config.json.old; the flash is spared if it is there already."""
    try:
        with open(NAME + ".old") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    write(NAME + ".old", text)


def write(name, text):
    """Write a file in one step."""
    new = name + ".new"
    with open(new, "w") as file:
        file.write(text)
    if hasattr(os, "sync"):
        os.sync()
    try:
        os.rename(new, name)
    except OSError:
        os.remove(name)
        os.rename(new, name)


def read(name, faults):
    """Return (text, what it says); (None, None) with a fault if it cannot be read."""
    try:
        size = os.stat(name)[6]
        if size > _MOST:
            faults.append("%s: %d bytes; at most %d" % (name, size, _MOST))
            return None, None
        with open(name) as file:
            text = file.read()
    except (OSError, UnicodeError):
        faults.append("%s: cannot be read; copy one to the board" % name)
        return None, None
    if not text.strip():
        faults.append("%s: empty; copy one to the board" % name)
        return None, None
    try:
        return text, json.loads(text)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep
        faults.append("%s: not complete JSON; check the end of the file, commas, quotes" % name)
        return None, None


def exists(name):
    """True if there is a file of that name."""
    try:
        os.stat(name)
        return True
    except OSError:
        return False
