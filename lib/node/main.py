"""The second stage: run the node, and see to what happens when that ends.

Whatever ends it, one place decides what follows, node.ending: it is counted, what waits is kept,
and after a pause the board restarts. Three crashes in a row, without a minute of good work between
them, end in safe mode: no sensors, only the connection and the commands, so that the node can say
why. Safe mode ends by itself after ten minutes. See node.start for how it is decided.

What stays is loaded before what goes: code that is forgotten would leave holes between, and a heap
of holes has no room for a message, however many bytes are free.
"""

import gc
import os
import sys
import time

import machine

from node.overlay import call, forget


def run():
    """Run the node; returns only to leave the board at the REPL, to a person who asked for it."""
    global _load_client
    _load_client()
    del _load_client  # its RAM is needed
    again = machine.reset
    try:
        # What comes back is all that still refers to the node: its RAM is needed then.
        end = _live()
        if end is None:  # there is no config
            again = machine.soft_reset
        elif not end or not call("ending", "finish", *end):
            return
    except KeyboardInterrupt:
        return
    except BaseException as error:  # there is no memory for an orderly end, or worse
        sys.print_exception(error)
        time.sleep(10)
    again()


def _live():
    """The life of a node; returns what node.ending makes of its end."""
    node = error = None
    try:
        started = call("start", "begin")
        if not started:
            return started
        config = started.pop()
        node = started.pop()
        forget("boot")
        call("parts", "make", node, config)
        # Before the connection takes its RAM: nothing at a start needs as much.
        if config["must"] or "outbox" in os.listdir():
            call("kept", "begin", node, config)
        call("connection", "make", node, config, call("ways", "find", node, config))
        if config["watchdog"]:
            call("watchdog", "start", node, config["watchdog"])
        config.clear()  # something may still refer to it
        node.run()
    except BaseException as caught:  # whatever it was: a board in the field has to start again
        error = caught
    return call("ending", "of", node, error)


def _load_client():
    """What fails here fails again, and is told, where it is needed.

    What the import of a module leaves behind is room for the next.
    """
    try:
        import node.app  # noqa: F401
        from node.boot import config

        gc.collect()

        if config and ("wifi" in config or "serial" in config["mqtt"]):
            import mqtt.core  # noqa: F401

            gc.collect()
            import mqtt.link  # noqa: F401
    except Exception:  # whatever it is
        pass
