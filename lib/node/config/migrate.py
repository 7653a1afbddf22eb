"""Brings the config into the form that a release knows. Needed when its slot is tried.

A release that renames a key, or gives it another meaning, raises FORMAT by one and adds a step, so
that nodes far away need no new config. A step is a function of the config, which changes it. It
finds any config that was good before, with whatever keys are left out.

An update keeps the config, update/config.json, and its format, update/format. The new config is
made of these, so a power cut at any moment costs nothing; node.update.back puts the old one back.
"""

import json
import os
import sys

from micropython import const

from node.overlay import call

FORMAT = 1  # of the config that this code knows
STEPS = ()  # from format 1 to 2, from 2 to 3, and so on; add yours at the end
_NAME = const("config.json")
_KEPT = const("update/config.json")
_FORMAT = const("update/format")


def note():
    """Note for the next slot what format the config has."""
    with open(_FORMAT, "w") as file:
        file.write(str(FORMAT))


def migrate():
    """Make the config of the one that was kept, once. Raises ValueError if that can't be done."""
    try:
        with open(_FORMAT) as file:
            found = int(file.read())
    except OSError:  # it was made
        return
    if found > FORMAT:
        stage = sys.modules["stage"]
        stage.state[2] = "0"  # another start won't help
        stage.write()
        said = "config.json is of format %d, and this release knows %d; deploy it by cable"
        raise ValueError(said % (found, FORMAT))
    if found < FORMAT:
        with open(_KEPT) as file:
            config = json.load(file)
        for step in STEPS[found - 1 : FORMAT - 1]:
            step(config)
        with open(_NAME + ".new", "w") as file:
            json.dump(config, file)  # type: ignore[call-overload]
        call("config", "load", "put", _NAME)
        call("update", "begin", "again")  # a start ends after its check
        print("Petrel: config.json is of format", FORMAT, "now")
    os.remove(_FORMAT)
