"""Starts the watchdog. Needed once, then forgotten."""

import sys

import machine


def start(node, seconds):
    """Have the board reset if the node's loop doesn't feed the watchdog for so many seconds.

    If the board can't wait that long, the diagnostics say what it does instead.
    """
    try:
        import board
    except ImportError:  # nothing is known about the board
        board = None
    sys.modules.pop("board", None)
    ms = min(seconds * 1000, getattr(board, "WATCHDOG_MS", 3_600_000))
    board = None
    # The longest times of stm32 and rp2, and the ESP8266's only one.
    for ms in (ms, min(ms, 32_700), min(ms, 8388), 5000):  # noqa: B020
        try:
            node.feed = machine.WDT(timeout=ms).feed
            break
        except ValueError:
            pass
    if ms != seconds * 1000:
        told = "watchdog: %d s; this board has %s s, which is used" % (seconds, ms / 1000)
        print("Petrel:", told)
        node.about["faults"] = node.about.get("faults", []) + [told]
