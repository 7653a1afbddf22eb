"""Checks a new or changed config, and falls back on one that can be used."""

import json
import sys

from node.config.load import NAME, complete, keep, read, write
from node.overlay import call


def check(text, old, faults):
    """Return (config, state) as node.config.load does, with the config as in its file.

    text, old: config.json and config.json.old, None if missing; faults: what is wrong is added
    here
    """
    board = _board()
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
            except OSError as error:  # a full or failing flash; the node runs anyway
                print("Petrel: config.json.old: not written:", error)
            same = read(NAME + ".old", []) == text
            return current, "new" if same else ""
        faults.extend(found)
    if old is not None:
        # Its certificates aren't checked: a node that keeps trying is better than none.
        last, found = _verdict(old, board, None, False, None, 64, [])
        if not found:
            faults.append("config.json.old, the last good one, is used instead. Fix config.json.")
            return last, ""
    if isinstance(current, dict):
        current["sensors"] = []
        current.pop("rules", None)
        text = json.dumps(current).encode()
        if not _verdict(text, board, None, False, None, 64, [])[1]:
            return current, "degraded"
    return None, ""


def judged(text, warnings):
    """Return (config, faults) of a text as check() does, which keeps nothing."""
    return _verdict(text, _board(), warnings, True, None, 64, warnings)


def _board():
    """Return the facts about this board, None if they are not installed."""
    try:
        import board

        return board
    except ImportError:
        return None
    finally:
        sys.modules.pop("board", None)


def _verdict(text, *more):
    """Return what node.config.verdict says. A board with little flash trusts its config."""
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
    """Return the config that is built into the firmware, if any, and make it the file."""
    text = getattr(board, "CONFIG", None)
    if text is None:
        return None
    faults.clear()  # which say that there is none
    text = text.encode()
    write(NAME, text)
    return text
