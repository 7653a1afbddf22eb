"""The end of a node: what waits is kept. Needed then, and forgotten."""

import gc
import sys

from node.overlay import call


def keep(outbox):
    """What was accepted and not delivered must not go with the RAM."""
    on_flash = hasattr(outbox, "journal") or hasattr(outbox, "restored")
    if not outbox or not outbox.count and not on_flash:
        return
    try:
        gc.collect()
        for name in list(sys.modules):  # what has come to its end needs no RAM
            if name.startswith("mqtt") or name.startswith("sensors"):  # noqa: PIE810
                del sys.modules[name]
        kept = call("kept", "store", outbox)
        if kept:
            print("Petrel: kept for the next start:", kept)
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: not kept:", error)
