"""What a board says about a config file. `make check` runs the same code.

The parts of the check are imported and forgotten one after the other: a small board has no room
for all of them at once.
"""

import gc
import json
import sys

from node.overlay import call, forget

_MOST = 16_384  # bytes


def of(text, board, warnings, files=True, size=None, longest=64, broken=None):
    """Return (config, faults): what the text says, None if it isn't JSON; and what is wrong.

    text: bytes; board: the module with the board's facts, or None; warnings: a list, or None
    files: also check the certificates that it names
    size: of the text as stored on the board, if it isn't that of `text`
    longest: how many characters of a wrong value to show
    broken: a list for drivers that fail through no fault of the config; see node.config.schema
    """
    try:
        most = getattr(board, "MOST", _MOST)
        size = len(text) if size is None else size
        if size > most:
            return None, ["config.json: %d bytes. It can have %d at most." % (size, most)]
        if not text.strip():
            return None, ["config.json: empty. Copy one to the board."]
        fault = call("config", "strict", "fault", text)
        if fault:
            return None, ["config.json: " + fault]
        config = json.loads(text)
        text = None
        gc.collect()
        faults = _schema(config, board, warnings, longest, broken)
        named = not faults and ("ca" in config["mqtt"] or "cert" in config["mqtt"])
        if files and named:
            call("config", "certificates", "check", faults, config["mqtt"], board)
        return config, faults
    except MemoryError:
        return None, ["config.json: this board has no memory to check it. Make it smaller."]


def _schema(config, board, warnings, longest, broken):
    try:
        from node.config.schema import check

        return check(config, board, warnings, longest, broken)
    finally:
        check = None
        for name in list(sys.modules):
            if name.startswith("sensors"):
                del sys.modules[name]
        forget("schema", "values", "roles", package="node.config")
