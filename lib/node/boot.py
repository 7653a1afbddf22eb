"""The first stage: what is wrong is found here, before anything runs, and told later.

boot.py calls run(), which cannot fail and returns; main.py calls node.main.run(), which looks here
for the outcome. The check of the config needs much code for a short time: it happens while the
heap is empty, and gives its room back.
"""

import gc
import sys

# The outcome: a complete config or None; whether it serves to connect only; faults as text.
config = None
degraded = False
faults = []
board = "unknown"


def run():
    """Load and check the config; leaves the outcome in this module, and prints faults."""
    global config, degraded, board
    from node import config as files

    facts = _facts()
    board = getattr(facts, "ID", board)
    config, found, degraded = files.load(facts)
    faults.extend(found)
    for fault in faults:
        print("Petrel:", fault)
    for name in ("board", "node.schema"):
        sys.modules.pop(name, None)
    gc.collect()


def _facts():
    """The module `board` with the pins of this board; None where it was not installed."""
    try:
        import board

        return board
    except ImportError:
        return None
