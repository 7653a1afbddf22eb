"""The commands `config`, `config/put` and `config/get`. See node.commands.orders.

The payload of the first is a part of a config, that of the second a whole one. They are put onto
the flash; node.config.change does the rest, here or after a restart.
"""

import gc
import os

from micropython import const

from node.overlay import call

_FILE = const("config.json")
_CHANGE = const("config.json.change")
_ROOM = const(32_768)  # free bytes with which a config is checked while the node runs


def obey(node, name, payload):
    """Carry out the command; return the reply, None if it has been sent."""
    if name == "config/get":
        return call("commands", "shown", "send", node)
    if name not in ("config", "config/put"):
        raise ValueError("no command %r; there are config, config/get, config/put" % name[:32])
    if "changed" in node.about:  # it is connected: the config before has proven itself
        call("config", "changed", "look", node)
    checked = False
    warnings = ()
    try:
        base = call("config", "used", "used", node)
        write("whole" if name == "config/put" else "part", base, payload)
        gc.collect()
        if gc.mem_free() > _ROOM:
            try:
                faults, warnings = call("config", "change", "now")
                checked = True
            except MemoryError:
                faults = None
            if faults:
                return {"ok": False, "error": faults[0], "faults": faults}
    except Exception:
        if _CHANGE in os.listdir():
            os.remove(_CHANGE)
        raise
    node.ended = "the config was changed"
    reply = {"restarts": True, "checked": checked}
    if warnings:
        reply["warnings"] = warnings
    return reply


def write(kind, base, payload):
    """Put what came onto the flash, with what it is to be applied to."""
    mark = call("config", "used", "mark", base)
    with open(_CHANGE + ".new", "wb") as new:
        new.write(("%s %s %s\n" % (kind, base, mark)).encode())
        if not hasattr(payload, "at"):
            new.write(payload)
        elif payload.error:
            raise payload.error
        else:  # it was too large for the RAM
            with open(payload.name, "rb") as file:
                file.seek(payload.at)
                while True:
                    piece = file.read(64)
                    if not piece:
                        break
                    new.write(piece)
            os.remove(payload.name)
    if hasattr(os, "sync"):
        os.sync()
    call("config", "record", "settle", _CHANGE)
