"""Makes a complete slot the one to try: its index, its reader, a copy of the config, the state.

Each step leaves the flash so that what runs now would start again; the last one, update/state, is
a single step. See node.update.pack for the index, and firmware/stage.py for the state.
"""

import os
import sys

from micropython import const

from node.overlay import call
from node.update.pack import key

_ENTRY = const(12)
_KEY = const(4)
_FOLDER = const(b"\0\0\0\0\x3f\xff\xff\xff")
_PIECES = const(16)  # a power of 2
_READER = const("lib/node/update/pack.mpy")
_STARTS = const("3")


def commit(updates, offer, slot):
    """Yield the ms that can pass until the next step, and end the node."""
    try:
        yield from _index(slot)
    except ValueError as error:
        call("update", "tell", "tell", updates.node, "refused", offer, None, error)
        return
    node = updates.node
    while node.ended or "changed" in node.about:  # another config is to come, or to prove itself
        yield 1000
    try:
        copy("config.json", "update/config.json", 0, os.stat("config.json")[6])
        call("config", "migrate", "note")
    except OSError:  # it is built into the firmware
        pass
    for each in ("update/why", "update/again"):
        try:
            os.remove(each)
        except OSError:  # there is none
            pass
    stage = updates.stage
    stage.state[1] = slot
    stage.state[2] = _STARTS
    if not hasattr(stage, "write"):  # its code was freed, see node.update.begin
        del sys.modules["stage"]
        whole = __import__("stage")
        whole.state[:] = stage.state
        stage = whole
    stage.write()
    node.ended = "version %s is there; starting it" % offer["version"]


def _index(slot):
    """Write the index, and the reader; ValueError if there can be none."""
    name = "update/" + slot
    reader = None
    # A small heap has no room for the whole index: it is made in pieces, by a key's first bits.
    with open(name + ".index", "wb") as out:
        for piece in range(_PIECES):
            index = bytearray()
            at = 0
            with open(name + ".list") as file:
                for line in file:  # it was checked as a whole
                    _, size, path = line.split()
                    size = int(size)
                    if path == _READER:
                        reader = at, size
                    _insert(index, piece, path, at.to_bytes(4, "big") + size.to_bytes(4, "big"))
                    while "/" in path:
                        path = path.rsplit("/", 1)[0]
                        _insert(index, piece, path, _FOLDER)
                    at += size
                    yield 0
            out.write(index)
    if not reader:
        raise ValueError("it has no " + _READER)
    copy(name + ".pack", name + ".mpy", *reader)


def _insert(index, piece, path, place):
    """Put an entry into its place in a piece; ValueError if there is another for that path."""
    found = key(path)
    if found[0] * _PIECES >> 8 != piece:
        return
    low, high = 0, len(index) // _ENTRY
    while low < high:
        middle = (low + high) // 2
        if index[_ENTRY * middle : _ENTRY * middle + _KEY] < found:
            low = middle + 1
        else:
            high = middle
    low *= _ENTRY
    if index[low : low + _KEY] == found:
        if place == _FOLDER == bytes(index[low + _KEY : low + _ENTRY]):
            return
        raise ValueError("list: %s is a file and a folder" % path)
    index[low:low] = found + place


def copy(name, to, at, size):
    """Copy a part of a file, in one step; there need not be room for it in RAM."""
    with open(name, "rb") as file, open(to + ".new", "wb") as new:
        file.seek(at)
        while size:
            piece = file.read(min(size, 128))
            if not piece:
                raise OSError("%s is too short" % name)
            new.write(piece)
            size -= len(piece)
    call("config", "load", "put", to)
