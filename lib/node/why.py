"""Says what a crash was: for memory that survives the reset, and for the diagnostics after it."""

import io
import sys


def text(error, node):
    """The exception, where it was raised, after how many seconds, and what the node was at."""
    trace = io.StringIO()
    sys.print_exception(error, trace)
    at = ""
    for line in trace.getvalue().split("\n"):
        if line.startswith("  File "):
            at = line[7:].replace('"', "")
    return "%s: %s; %s; after %d s, at %s" % (
        type(error).__name__, str(error)[:64], at, node.uptime, node.phase,
    )  # fmt: skip
