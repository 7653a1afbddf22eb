"""The life of a node, from top to bottom: check the config, make the node, run it, see to its end.

boot.py calls boot(), which returns whatever it finds; main.py calls run(). Whatever ends a node,
one place decides what follows, node.health.ending: it is counted, what waits is kept, and after a
pause the board restarts. Three crashes in a row, without a minute of good work between them, end
in safe mode: no sensors, only the connection and the commands, so that the node can say why. Safe
mode ends by itself after ten minutes.
"""

import gc
import sys
import time

import machine

from node.overlay import call

found = None, [], ""  # by boot(): the config or None, its faults as text, how it is; node.config


def boot():
    """The first stage: load the config, check it if it is new, and print what is wrong with it.

    The check needs much code for a short time, and leaves names behind that nothing gives back; so
    when a new config has passed, the board starts afresh, and needs no check then.
    """
    global found
    found = call("config", "load", "load")
    for fault in found[1]:
        print("Petrel:", fault)
    if found[2] == "new":
        print("Petrel: config.json is new and good; starting afresh")
        machine.soft_reset()


def load(config):
    """Load what stays, before what goes; what fails here fails again, and is told, later.

    Code that is forgotten leaves holes, and a heap of holes has no room for a message, however
    many bytes are free. What an import leaves behind is room for the next.
    """
    try:
        import node.app

        gc.collect()
        import node.sensor  # noqa: F401

        gc.collect()
        if config and ("wifi" in config or "serial" in config["mqtt"]):
            import mqtt.engine.core  # noqa: F401

            gc.collect()
            import mqtt.link  # noqa: F401
    except Exception:  # whatever it is
        pass


def run():
    """The second stage: live; returns only to leave the board at the REPL, to who asked for it."""
    global found, boot, load
    config, faults, state = found
    load(config)
    found = boot = load = None  # type: ignore  # their RAM is needed
    again = machine.reset
    node = error = None
    try:
        try:
            node = call("start", "begin", "begin", config, faults, state)
            if node:
                call("start", "equip", "equip", node, config)
                node.run()
        except BaseException as caught:  # whatever it was: a board in the field has to start again
            error = caught
        if node or error:
            end = call("health", "ending", "of", node, error)
            node = error = None  # nothing else refers to the node: its RAM is needed
            if not call("health", "ending", "finish", *end):
                return
        elif node is None:  # there is no config; a drive on USB is to stay where it is
            again = machine.soft_reset
        else:
            return
    except KeyboardInterrupt:
        return
    except BaseException as error:  # there is no memory for an orderly end, or worse
        sys.print_exception(error)
        time.sleep(10)
    again()
