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
    # What an stm32 and an rp2 can wait at most, and the only time of an ESP8266.
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
