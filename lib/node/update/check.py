"""Decides about an offer, and what to go on with after a start.

The slot that doesn't run is free for the next release. What is there of it is in update/: x.offer,
x.list, x.pack, x.index and x.mpy, where x is the slot, "a" or "b".
"""

import gc
import os
from hashlib import sha256

from micropython import const

from node.overlay import call, forget

_NEW = const("update/offer.new")
_LINE = const(600)
_RESERVE = const(16_384)  # bytes that stay free for what the node writes
_FILES = const(50_000)  # bytes of a heap in which Petrel can run from files, and be updated
_ENTRY = const(64)  # bytes at most for a file in list and index, besides its path


def steps(updates, wanted=False):
    """Look at what has arrived, or go on with what is half there; tell how it stands.

    wanted: it is to be installed even if the node has to be told so
    """
    node = updates.node
    while not node.client.up or node.client.untold:
        yield 1000
    forget("large", package="mqtt.engine")  # the offer is there, and RAM is short now
    stage = updates.stage
    stage.waits = False
    free = "a" if stage.slot != "a" else "b"
    if stage.slot == "-":  # perhaps a deploy has ended what ran
        clear("b")
    name = "update/" + free + ".offer"
    try:
        found = None
        if exists(_NEW) and identity(_NEW) == identity("update/" + stage.slot + ".offer"):
            os.remove(_NEW)  # it runs already
        if exists(_NEW):
            found = read(_NEW, updates)
            if identity(name) != identity(_NEW):
                clear(free)
                with open(_NEW, "rb") as new, open(name, "wb") as file:
                    file.write(new.read())  # no rename: see node.config.load
            remove(_NEW)
        elif exists(name):
            found = half(name, updates)
        yield 0
        if found is None:
            remove(name)
            tell(updates, "idle")
            return
        why = call("update", "tell", "failed", identity(name))
        if why:
            stage.waits = True
            tell(updates, "failed", found, why)
            return
        runs_from_files(stage.slot)
        room(found, free)
        if getattr(stage, "asks", False) and not wanted and not exists("update/" + free + ".list"):
            stage.waits = True
            tell(updates, "waiting", found)
            return
    except ValueError as error:
        remove(_NEW)
        tell(updates, "refused", found, error)
        return
    from node.update.fetch import fetch

    updates.start(fetch(updates, found, free, identity(name)))


def tell(updates, state, found=None, error=None):
    """Publish how it stands; found: the manifest, if there is one."""
    call("update", "tell", "tell", updates.node, state, found, None, error)


def read(name, updates):
    """Return the manifest of an offer. Raises ValueError if it can't be trusted, or be used."""
    keys = "/slot/keys.txt" if updates.stage.slot != "-" else "keys.txt"
    call("update", "signature", "check", name, keys)
    with open(name, "rb") as file:
        manifest = file.readline(_LINE + 2)[:-1]
    found = call("update", "release", "parse", manifest)
    board = call("health", "telemetry", "board")
    call("update", "release", "judge", found, board, int(updates.stage.state[3]))
    return found


def half(name, updates):
    """Return the manifest of a slot that isn't complete; None if it is an older one."""
    try:
        return read(name, updates)
    except ValueError:  # the one from before the running one
        return None


def identity(name):
    """Return what tells one offer from another, as in docs/updates.md; "" if there is none."""
    try:
        with open(name, "rb") as file:
            return sha256(file.readline(_LINE + 2)[:-1]).digest()[:8].hex()
    except OSError:
        return ""


def runs_from_files(slot):
    """ValueError if it doesn't and has to, as an update brings files; they take far more RAM."""
    if slot == "-" and not exists("lib/node/app.mpy") and gc.mem_alloc() + gc.mem_free() < _FILES:
        raise ValueError(
            "Petrel is in this board's ROMFS, which an update can't write, and the board has too "
            "little RAM to run from files; deploy by cable"
        )


def room(found, free):
    """ValueError if there is too little room on the flash."""
    status = os.statvfs(".")
    there = status[3] * status[0]
    for end in (".pack", ".list"):
        try:
            there += os.stat("update/" + free + end)[6]
        except OSError:
            pass
    needed = found["size"] + found["list"][0] + _ENTRY * found["files"] + _RESERVE
    if there < needed:
        said = "too little room on the flash: %d bytes are free, %d are needed"
        raise ValueError(said % (there, needed))


def withdrawn(updates):
    """There is no offer any more: forget what is there of it."""
    if updates.stage.trying:
        remove(_NEW)
        return
    clear("a" if updates.stage.slot != "a" else "b")
    updates.chunks = None
    updates.start(steps(updates))


def clear(slot):
    """Remove a slot that doesn't run."""
    for end in (".offer", ".index", ".mpy", ".list", ".pack"):
        remove("update/" + slot + end)


def remove(name):
    """Remove a file that need not be there."""
    try:
        os.remove(name)
    except OSError:  # there is none
        pass


def exists(name):
    """Return whether there is such a file."""
    try:
        os.stat(name)
        return True
    except OSError:
        return False
