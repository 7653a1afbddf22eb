"""Starts the watchdog. Needed once, and then forgotten."""

import machine


def start(node, seconds):
    """Have the board reset when the node's loop does not feed for so many seconds."""
    try:
        node.feed = machine.WDT(timeout=seconds * 1000).feed
    except ValueError:  # ESP8266 has one of a fixed time
        node.feed = machine.WDT().feed
