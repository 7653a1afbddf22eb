"""The note on the flash about a change of the config, config.json.changed. See node.config.change.

It is JSON, an object with "mark", that of the config it is about, and one of these:
left: s that this config has to prove itself
back: what is told once the node is connected: why there is no new config, or no longer one
"""

import json
import os

from micropython import const

from node.overlay import call

_NAME = const("config.json")
_BEFORE = const("config.json.before")
_CHANGED = const("config.json.changed")
_NEW = const("config.json.changed.new")


def record():
    """Return the note, None if there is none."""
    for name in (_CHANGED, _NEW):  # a power cut may have left the second
        try:
            with open(name) as file:
                return json.load(file)
        except (OSError, ValueError):
            pass
    return None


def pending():
    """Return the note on a config in use that has to prove itself, None if there is none."""
    trial = record()
    if trial and "left" in trial:
        from node.config.used import mark

        if trial["mark"] == mark(_NAME):
            return trial
    return None


def note(what):
    """Write the note in one step."""
    with open(_NEW, "w") as file:
        json.dump(what, file)
    if hasattr(os, "sync"):
        os.sync()
    settle(_CHANGED)


def settle(name):
    """Have the file name.new, which is complete, take the place of the file of that name."""
    try:
        os.stat((name + ".new").upper())
    except OSError:
        os.rename(name + ".new", name)
    else:  # FAT: names have no case there, and a rename isn't one step
        call("config", "load", "put", name)


def tell(error, faults=(), its=None):
    """Note why there is no new config, or why the node goes back; the next start tells it.

    its: the mark of the config from which it goes back
    """
    said = {"ok": False, "applied": False, "error": error[:400]}
    if faults:
        said["faults"] = [fault[:200] for fault in faults[:4]]
    note({"mark": its, "back": said})


def over():
    """It has proven itself, or the outcome was told."""
    for name in (_NEW, _CHANGED, _BEFORE):
        remove(name)


def remove(name):
    """Remove a file that need not be there."""
    try:
        os.remove(name)
    except OSError:  # there is none
        pass
