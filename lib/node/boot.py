"""The first stage: what is wrong is found here, before anything runs, and told later.

boot.py calls run(), which returns; main.py calls node.main.run(), which takes the outcome from
here. The check of the config needs much code for a short time: it happens while the heap is empty.
"""

import sys

from node.overlay import call

config = None  # complete and checked, or None where there is none to start with
degraded = False  # True: the config serves to connect and no more
faults = []  # what was found wrong, each a line of text
board = None  # the board's id, where its facts are installed


def run():
    """Load and check the config; keeps the outcome in this module, and prints faults."""
    global config, degraded, board
    try:
        import board as facts
    except ImportError:
        facts = None
    board = getattr(facts, "ID", None)
    config, found, degraded = call("config", "load", facts)
    faults.extend(found)
    for fault in faults:
        print("Petrel:", fault)
    sys.modules.pop("board", None)
