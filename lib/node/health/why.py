"""Puts into words what went wrong: a crash, and the fault of a sensor. Loaded when needed.

The words of a crash go into memory that survives the reset, and into the diagnostics after it.
"""

import io
import sys
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_PATIENCE = const(4)  # failures in a row before a sensor is asked less and less often
_REST_MS = const(600_000)  # the longest it is left alone


def text(error, node):
    """Name the exception, where it was raised, the uptime, and what the node was doing."""
    return "%s: %s; %s; after %d s, at %s" % (
        type(error).__name__, str(error)[:64], _place(error),
        max(0, node.uptime) if node else 0, node.phase if node else "start",
    )  # fmt: skip


def fault(sensor, error):
    """Report what a sensor's driver raised, with its line.

    Returns the sensor's failures in a row, and the ms until it is asked again: after five failures
    less and less often.
    """
    words = told(sensor.driver, error)
    failures = sensor.failures
    # A full heap isn't the fault of a driver that wanted a little of it.
    if not isinstance(error, MemoryError) or not words.endswith("driver " + sensor.driver + ")"):
        failures = max(failures, 0) + 1
    rest = sensor.interval or 1000
    more = min(failures - _PATIENCE, 16)
    if more > 0:
        rest = max(rest, min(rest << more, _REST_MS))
        sensor.node.news = sensor.node.news or more == 1
    sensor.node.failed(sensor.name, words)
    return failures, rest


def ask(sensor, method):
    """Ask a driver that may never return; if it doesn't, the next start knows which one it was."""
    try:
        call("health", "retained", "asking", sensor.name, sensor.driver)
    except MemoryError:
        pass  # then it goes unnoted
    try:
        return getattr(sensor.part, method)()
    finally:
        try:
            call("health", "retained", "asking")
        except MemoryError:
            pass


def healthy(sensor):
    """Report that a sensor that had failed works again."""
    if sensor.failures > _PATIENCE:
        print("Petrel: %s works again" % sensor.name)
        sensor.node.news = True


def held_up(sensor, began):
    """Report that a driver waited, since ticks_ms() `began`, instead of returning."""
    seconds = ticks_diff(ticks_ms(), began) // 1000
    said = "driver %s held up the node for %d s" % (sensor.driver, seconds)
    sensor.node.failed(sensor.name, said)


def told(driver, error):
    """Describe what a driver raised, with its line."""
    try:
        said = str(error)[:200]
    except Exception:  # it can't even be printed
        said = ""
    if isinstance(error, ImportError):
        said += "; deploy again"
    if not isinstance(error, (OSError, ValueError)) or not said:
        said = "%s: %s" % (type(error).__name__, said)
    try:
        place = _place(error, "sensors.%s, " % driver, "sensors/%s.py, " % driver)
    except Exception:
        place = ""
    at = place.find("sensors")
    return "%s (%s)" % (said, place[at:] if at >= 0 else "driver " + driver)


def wrong(sensor, method, value):
    """Raise ValueError for an invalid answer from a driver."""
    if isinstance(value, (tuple, list)):
        wanted = "a tuple of %d values, one for each of FIELDS" % len(sensor.part.FIELDS)
    elif method == "read":
        wanted = "a tuple of values, or the ms to wait, 600000 in all"
    else:
        wanted = "ms, 600000 at most"
    raise ValueError("%s() returned %s; it has to return %s" % (method, repr(value)[:64], wanted))


def _place(error, *own):
    """Return the file, line and function where it was raised, preferably in the files `own`."""
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
