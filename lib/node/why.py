"""Puts into words what went wrong: a crash, and the fault of a sensor. Loaded when needed.

The words of a crash go into memory that survives the reset, and into the diagnostics after it.
"""

import io
import sys
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_PATIENCE = const(4)  # failures in a row; after one more the sensor is asked less and less often
_REST_MS = const(600_000)  # the longest it is left alone then


def text(error, node):
    """The exception, where it was raised, after how many seconds, and what the node was at."""
    return "%s: %s; %s; after %d s, at %s" % (
        type(error).__name__, str(error)[:64], _place(error),
        node.uptime if node else 0, node.phase if node else "start",
    )  # fmt: skip


def fault(node, entry, error):
    """A driver raised it: tell it with its line; returns the ms until the sensor is asked again.

    node, entry: see node.app. After five failures in a row it is asked less and less often.
    """
    words = told(entry[9], error)
    # A heap that is full is not the fault of a driver that wanted a little of it.
    if not isinstance(error, MemoryError) or not words.endswith("driver %s)" % entry[9]):
        entry[8] = max(entry[8], 0) + 1
    rest = entry[2] or 1000
    more = min(entry[8] - _PATIENCE, 16)
    if more > 0:
        rest = max(rest, min(rest << more, _REST_MS))
        node.news = node.news or more == 1
    entry[3] = ticks_add(ticks_ms(), rest)
    node.failed(entry[0], words)
    return rest


def ask(entry, method):
    """Ask a driver that may never return; if it does not, the next start knows which it was."""
    try:
        call("retained", "asking", entry[0], entry[9])
    except MemoryError:
        pass  # then it goes without
    try:
        return getattr(entry[1], method)()
    finally:
        try:
            call("retained", "asking")
        except MemoryError:
            pass


def healthy(node, entry):
    """A sensor that had failed gives readings again."""
    if entry[8] > _PATIENCE:
        print("Petrel: %s works again" % entry[0])
        node.news = True
    entry[8] = 0


def held_up(node, entry, began):
    """A driver waited, since ticks_ms() was `began`, where it should have returned."""
    seconds = ticks_diff(ticks_ms(), began) // 1000
    node.failed(entry[0], "driver %s held up the node for %d s" % (entry[9], seconds))


def told(driver, error):
    """What a driver raised, and its line."""
    try:
        said = str(error)[:200]
    except Exception:  # it cannot even say that
        said = ""
    if not isinstance(error, (OSError, ValueError)) or not said:
        said = "%s: %s" % (type(error).__name__, said)
    try:
        place = _place(error, "sensors.%s, " % driver, "sensors/%s.py, " % driver)
    except Exception:
        place = ""
    at = place.find("sensors")
    return "%s (%s)" % (said, place[at:] if at >= 0 else "driver " + driver)


def wrong(entry, method, said):
    """Raise ValueError for an answer of a driver that is none."""
    if isinstance(said, (tuple, list)):
        wanted = "a tuple of %d values, one for each of FIELDS" % len(entry[1].FIELDS)
    elif method == "read":
        wanted = "a tuple of values, or the ms to wait, 600000 in all"
    else:
        wanted = "ms, 600000 at most"
    raise ValueError("%s() returned %s; it has to return %s" % (method, repr(said)[:64], wanted))


def _place(error, *own):
    """File, line and function where it was raised; of the files `own`, if one of them is there."""
    trace = io.StringIO()
    sys.print_exception(error, trace)
    at = ""
    found = False
    for line in trace.getvalue().split("\n"):
        if line.startswith("  File "):
            line = line[7:].replace('"', "")
            is_own = any(name in line for name in own)
            if is_own or not found:
                at = line
            found = found or is_own
    return at
