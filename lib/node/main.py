"""The life of a node, from top to bottom: check the config, make the node, run it, end it.

boot.py calls boot(), which always returns; main.py calls run(). Whatever ends a node, one place
decides what follows, node.health.ending: it counts the end, keeps what is waiting, and restarts
the board after a pause. Three crashes in a row, without a minute of good work between them, lead
to safe mode: no sensors, only the connection and the commands, so that the node can say why. Safe
mode ends by itself after ten minutes.
"""

import gc
import sys
import time

import machine
from micropython import const

from node.overlay import call, forget

_IN_ROM = const(896)  # bytes: mqtt.engine.connect takes less from a ROM, and more from a file

found = None, [], ""  # set by boot(): the config or None, its faults, its state


def boot():
    """First stage: load the config, check it if it is new, and print what is wrong with it.

    The check needs a lot of code for a short time, and leaves names behind that can't be freed. So
    the board starts afresh after a new config has passed, and needs no check then.
    """
    global found
    found = call("config", "load", "load")
    _, faults, state = found
    for fault in faults:
        print("Petrel:", fault)
    if state == "new":
        print("Petrel: config.json is new and good; starting afresh")
        machine.soft_reset()


def load(config):
    """Load what stays before what goes. What fails here fails again later, and is reported then.

    Code that is freed leaves holes, and a heap full of holes has no room for a message, however
    many bytes are free. The holes that an import leaves are room for the next one.
    """
    try:
        import node.app

        gc.collect()
        import node.sensor  # noqa: F401

        gc.collect()
        if config and (config.get("wifi") or "serial" in config["mqtt"]):
            import mqtt.engine.core  # noqa: F401

            gc.collect()
            import mqtt.engine.inbox  # noqa: F401

            gc.collect()
            import mqtt.link  # noqa: F401

            gc.collect()
            free = gc.mem_free()
            import mqtt.engine.connect  # noqa: F401

            gc.collect()
            if free - gc.mem_free() < _IN_ROM:  # any gap has room for it when it is needed
                forget("connect", package="mqtt.engine")
    except Exception:  # whatever it is
        pass


def strip(node, count=9):
    """Take the client off a node, and forget the code of MQTT; what waits stays, as node.left.

    It works where not one byte is free. It calls itself to overwrite the stack below: a word left
    there by calls that are over is enough to keep the client in the heap.
    """
    if node.client:
        node.left, node.client = node.client.outbox, None
    modules = sys.modules
    core = modules.get("mqtt.engine.core")
    if core:
        core.Core = None  # type: ignore  # an outbox holds on to all that its module has a name for
    modules.pop("mqtt", None)
    modules.pop("mqtt.link", None)
    if count:
        strip(node, count - 1)


def run():
    """Second stage: run; return only to leave the board at the REPL, for someone who asked."""
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
        except BaseException as caught:  # anything: a board in the field has to restart
            error = caught
        if node or error:
            try:
                end = call("health", "ending", "of", node, error)
            except (MemoryError, ImportError):  # a full heap makes a file look missing, too
                if not node:
                    raise
                strip(node)  # then there is room for an end without a goodbye
                end = call("health", "ending", "of", node, error)
            node = error = None  # nothing else refers to the node: its RAM is needed
            if not call("health", "ending", "finish", *end):
                return
        elif node is None:  # there is no config; a USB drive has to stay mounted
            again = machine.soft_reset
        else:
            return
    except KeyboardInterrupt:
        return
    except BaseException as error:  # no memory for an orderly end, or worse
        sys.print_exception(error)
        time.sleep(10)
    again()
