"""The second stage: run the node, and see to what happens when that ends.

A crash restarts the board. Three crashes in a row, without a minute of good work between them,
end in safe mode: no sensors, only the connection and the commands, so that the node can say why.
Safe mode ends by itself after ten minutes. See node.start for how it is decided.
"""

import sys
import time

import machine

from node.overlay import call, forget


def run():
    """Run the node; returns only to leave the board to the REPL, after saying why."""
    started = call("start", "decide")
    if not started:
        return
    node, config = started
    forget("boot")
    call("connection", "make", node, config)
    call("parts", "make", node, config)
    started = config = None
    try:
        ended = node.run()
        crashed = ""
        gave_up = node.gave_up
    except KeyboardInterrupt:
        call("retained", "store", 0)
        _keep(node.client.outbox)
        print("Petrel: stopped; machine.reset() starts it again")
        return
    except Exception as error:  # whatever it was: a board in the field has to start again
        sys.print_exception(error)
        ended = crashed = _why(error, node)
        gave_up = ""
    print("Petrel:", ended)
    outbox = node.client.outbox
    node = None
    _keep(outbox)
    call("retained", "ended", crashed, gave_up)
    time.sleep_ms(500)  # let the console send this
    machine.reset()


def _why(error, node):
    """What a crash was; short where the heap has no room for more."""
    try:
        return call("why", "text", error, node)
    except MemoryError:
        return type(error).__name__


def _keep(outbox):
    """What was accepted and not delivered must not go with the RAM."""
    if not outbox.count and not hasattr(outbox, "journal"):
        return
    for name in list(sys.modules):  # what has come to its end needs no RAM
        if name.startswith("mqtt") or name.startswith("sensors"):  # noqa: PIE810
            del sys.modules[name]
    try:
        kept = call("kept", "store", outbox)
        if kept:
            print("Petrel: kept for the next start:", kept)
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: not kept:", error)
