"""The new slot wasn't good, and the one before starts again. Loaded by the boot stage, forgotten.

Takes the config back with it, and notes why, for node.update.check to tell.
"""

import os
import sys

from node.overlay import call


def back():
    """Each step may be cut short and is taken again at the next start; the state comes last."""
    from node.update.check import exists, identity, remove
    from node.update.commit import copy

    stage = sys.modules["stage"]
    why = call("health", "retained", "load")[2]
    try:
        with open("update/why") as file:
            why = file.read()[:200] or why
    except (OSError, ValueError):
        pass
    why = "taken back after three starts: " + (why or "it was not good in time")
    if exists("update/config.json"):
        copy("update/config.json", "config.json", 0, os.stat("update/config.json")[6])
    call("update", "tell", "note", identity("update/" + stage.state[1] + ".offer"), why)
    print("Petrel: update:", why)
    call("health", "retained", "store", 0)
    stage.state[1] = "-"
    stage.write()
    remove("update/why")
    remove("update/config.json")
    remove("update/format")
    from node.update.turns import clean

    clean(True)
