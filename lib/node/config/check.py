"""Checks a config that is new, or not what it was, and falls back on what can be used."""

import json

from node.config.load import NAME, complete, keep, read, write
from node.overlay import call


def check(text, old, faults):
    """Return (config, state) as node.config.load does, the config as it stands in its file.

    text, old: config.json and config.json.old, None for one that is not there; what is wrong is
    added to faults
    """
    try:
        import board  # the facts of this board, where they were installed
    except ImportError:
        board = None
    built_in = text is None and old is None
    if built_in:
        text = _factory(board, faults)
    current = None
    if text is not None:
        warnings = []
        current, found = _verdict(text, board, warnings, True, None, 64, warnings)
        for warning in warnings:
            print("Petrel: warning:", warning)
        if not found:
            secret = current.get("commands", {}).get("secret")
            try:
                # A built-in config may be back because the file system was lost, and the counter
                # too.
                if secret and not built_in and secret.encode() not in (old or b""):
                    call("commands", "signed", "begin")
                keep(text)
            except OSError as error:  # a flash that is full, or fails; the node runs all the same
                print("Petrel: config.json.old: not written:", error)
            same = read(NAME + ".old", []) == text
            return current, "new" if same else ""
        faults.extend(found)
    if old is not None:
        # Its certificates are not looked at: a node that tries again is better than none.
        last, found = _verdict(old, board, None, False, None, 64, [])
        if not found:
            faults.append("config.json.old, the last good one, is used instead. Fix config.json.")
            return last, ""
    if isinstance(current, dict):
        current["sensors"] = []
        text = json.dumps(current).encode()
        if not _verdict(text, board, None, False, None, 64, [])[1]:
            return current, "degraded"
    return None, ""


def _verdict(text, *more):
    """What node.config.verdict says. A board with little flash has none and trusts its config."""
    try:
        return call("config", "verdict", "of", text, *more)
    except ImportError as error:
        if "node.config.verdict" not in str(error):
            # Something is missing that should be there.
            raise
    try:
        complete(json.loads(text))
    except Exception as error:  # whatever a file may hold
        said = "config.json: not usable (%s: %s)" % (type(error).__name__, error)
        return None, [said + ". `make check` says what is wrong."]
    print("Petrel: config.json: not checked, as this board has no room for that; use `make check`")
    return json.loads(text), []


def _factory(board, faults):
    """The config that was built into the firmware, if any; it is the file from now on."""
    text = getattr(board, "CONFIG", None)
    if text is None:
        return None
    faults.clear()  # which say that there was none
    text = text.encode()
    write(NAME, text)
    return text
