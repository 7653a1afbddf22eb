"""The end of a node: it says goodbye, and what waits is kept. Needed then, and forgotten."""

import gc
import sys

from node.overlay import call


def goodbye(node):
    """Say that the node goes; where that cannot be said, the broker says so: the last will."""
    client = node.client
    if not client:
        return
    try:
        for _ in range(40):
            if not client.session.up:
                return
            # First let the reply to the last command leave. This does not wait in the outbox, as
            # it might come to the broker after the next start then.
            busy = client.outbox.count and node.ended
            if not busy and client.post(node.prefix + "status", "offline", True, 0) is not None:
                client.close()
                return
            client.wait(min(50, client.step()))
    except Exception as error:  # whatever it is: something else has ended the node
        print("Petrel: no goodbye:", error)
    finally:
        client.hang_up()


def release(node):
    """Outputs go to their safe state, counters keep their totals."""
    for entry in node.sensors:
        if hasattr(entry[1], "close"):
            try:
                entry[1].close()
            except BaseException as error:  # the others have to be closed all the same
                node.fault(entry, error)


def keep(outbox):
    """What was accepted and not delivered must not go with the RAM."""
    on_flash = hasattr(outbox, "journal") or hasattr(outbox, "restored")
    if not outbox or not (outbox.count or getattr(outbox, "aside", ()) or on_flash):
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
