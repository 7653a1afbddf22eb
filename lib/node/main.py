"""The second stage: run the node, and see to what happens when that ends.

A crash restarts the board. Three crashes in a row, without a minute of good work between them,
end in safe mode: no sensors, only the connection and the commands, so that the node can say why.
Safe mode ends by itself after ten minutes. See node.start for how it is decided.

What stays is loaded before what goes: code that is forgotten would leave holes between, and a heap
of holes has no room for a message, however many bytes are free.
"""

import gc
import sys
import time

import machine

from node.overlay import call, forget

_STOPPED = "stopped; machine.reset() starts it again"


def run():
    """Run the node; returns only to leave the board to the REPL, after saying why."""
    global _load_client
    _load_client()
    _load_client = None  # type: ignore[assignment]  # its RAM is needed
    started = call("start", "decide")
    if not started:
        return
    # What comes back is all that still refers to the node: its RAM is needed to keep what waits.
    ended, crashed, gave_up, outbox = _live(started)
    try:
        print("Petrel:", ended)
        call("ending", "keep", outbox)
        call("retained", "ended", crashed, gave_up)
        time.sleep_ms(500)  # let the console send this
    finally:
        if ended != _STOPPED:
            machine.reset()


def _live(started):
    """The life of a node; returns why it ended, the crash, why it gave up, and its outbox."""
    config = started.pop()
    node = started.pop()
    crashed = ""
    try:
        forget("boot")
        call("parts", "make", node, config)
        call("connection", "make", node, config)
        if config["watchdog"]:
            call("watchdog", "start", node, config["watchdog"])
        config = None
        ended = node.run()
    except KeyboardInterrupt:
        ended = _STOPPED
    except Exception as error:  # whatever it was: a board in the field has to start again
        sys.print_exception(error)
        ended = crashed = _why(error, node)
    call("ending", "goodbye", node)
    call("ending", "release", node)
    return ended, crashed, node.gave_up, node.client and node.client.outbox


def _load_client():
    """What fails here fails again, and is told, where it is needed.

    What the import of a module leaves behind is room for the next.
    """
    from node.boot import config

    try:
        import node.app  # noqa: F401

        gc.collect()

        if config and ("wifi" in config or "serial" in config["mqtt"]):
            import mqtt.packet  # noqa: F401

            gc.collect()
            import mqtt.incoming  # noqa: F401

            gc.collect()
            import mqtt.session  # noqa: F401

            gc.collect()
            import mqtt.connection  # noqa: F401

            gc.collect()
            import mqtt.link  # noqa: F401
    except Exception:  # whatever it is
        pass


def _why(error, node):
    """What a crash was; short where the heap has no room for more."""
    try:
        return call("why", "text", error, node)
    except MemoryError:
        return type(error).__name__
