"""Makes sure that a long queue leaves room in the heap. Needed at the start, then forgotten.

A heap full of readings has no room to connect, or for an orderly end, which keeps them. So a queue
that is too long for the heap is shortened at once.
"""

import gc

from micropython import const

from node.overlay import forget

_FEW = const(8)  # readings for which there is always room
_SPARE = const(15_360)  # bytes for the client, and for what comes and goes: connecting, an end
_READING = const(192)  # bytes of one that waits, its topic included
_ROOMY = const(16_384)  # with less, a pool of names that grows leaves no room for a node


def see_to(node, config):
    """Shorten the queue of a config if it has to be; the diagnostics say so.

    Imports what an outage and an end need, and forgets it; the names in it stay. So neither needs
    a new name. Names are never freed, and a pool of them grows by kilobytes in one piece, which a
    heap full of readings doesn't have.
    """
    for package, modules in (
        ("node.health", "ending storing telemetry"),
        ("mqtt.engine", "subscribe pieces late end reach backoff suspects journal survey"),
    ):
        for module in modules.split() if gc.mem_free() > _ROOMY else ():
            try:
                __import__(package + "." + module)
            except ImportError:  # not on this board
                pass
            forget(module, "records", "segments", package=package)
    queue = places(config["queue"])
    if queue < config["queue"]:
        config["queue"] = node.about["queue"] = max(_FEW, queue)


def places(count):
    """Return how many of these places there is room for."""
    gc.collect()
    return max(0, min(count, (gc.mem_free() - _SPARE) // _READING))
