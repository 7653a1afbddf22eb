"""The first stage: what is wrong is found here, before anything runs, and told later.

boot.py calls run(), which returns; main.py calls node.main.run(), which takes the outcome from
here. The check of a new config needs much code for a short time, and leaves names behind that
nothing gives back; so when it has passed, the board starts afresh, and needs no check then.
"""

import machine

from node.overlay import call

config = None  # complete and checked, or None where there is none to start with
degraded = False  # True: the config serves to connect and no more
faults = []  # what was found wrong, each a line of text


def run():
    """Load and check the config; keeps the outcome in this module, and prints faults."""
    global config, degraded
    config, found, state = call("config", "load")
    faults.extend(found)
    for fault in faults:
        print("Petrel:", fault)
    degraded = state == "degraded"
    if state == "new":
        print("Petrel: config.json is new and good; starting afresh")
        machine.soft_reset()
