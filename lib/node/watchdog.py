"""Starts the watchdog. Needed once, and then forgotten."""

import sys

import machine


def start(node, seconds):
    """Have the board reset when the node's loop does not feed for so many seconds.

    Where the board cannot wait so long, what it does instead is told with the diagnostics.
    """
    try:
        import board
    except ImportError:  # nothing is known of it
        board = None
    sys.modules.pop("board", None)
    ms = min(seconds * 1000, getattr(board, "WATCHDOG_MS", 3_600_000))
    board = None
    try:
        watchdog = machine.WDT(timeout=ms)
    except ValueError:  # ESP8266 has one of a fixed time, other ports a limit
        watchdog = machine.WDT()
        ms = 5000
    node.feed = watchdog.feed
    if ms != seconds * 1000:
        told = "watchdog: %d s; this board has %s s, which is used" % (seconds, ms / 1000)
        print("Petrel:", told)
        node.about["faults"] = node.about.get("faults", []) + [told]
