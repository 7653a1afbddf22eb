"""The diagnostics message: how the node is doing. Needed now and then, see node.overlay."""

import gc
import json
import sys

from node.overlay import call

VERSION = "0.1.0"


def version():
    """Return the version of Petrel."""
    return VERSION


def text(node):
    """Return the diagnostics of the node as JSON, in bytes.

    It is the longest text that a node makes. In a heap full of holes it couldn't grow, so it is
    joined at once from short texts.
    """
    pieces = []
    for key, value in about(node).items():
        pieces.append(b", " if pieces else b"{")
        pieces.append(json.dumps({key: value})[1:-1].encode())
    pieces.append(b"}")
    return b"".join(pieces)


def about(node):
    """Return what is known about the node."""
    client = node.client
    durable = hasattr(client.outbox, "journal")
    message = {
        "version": VERSION,
        "board": board(),
        "uptime": node.uptime,
        "heap_free": gc.mem_free(),
        "waiting": client.outbox.waiting() if durable else client.outbox.count,
        "refused": client.outbox.refused,
        "drops": node.drops,
        "skipped": client.skipped,
        "connects": client.connects,
    }
    message.update(node.about)
    failing = [each.name for each in node.sensors if each.failures > 4]  # in a row
    if failing:
        message["failing"] = failing
    if node.error:
        message["error"] = node.error
    if node.wifi and node.wifi[0]:
        message["rssi"] = rssi(node.wlan)
    more(message, client, durable)
    return message


def more(message, client, durable):
    """Add what is said only where there is something to say."""
    if durable:
        journal = client.outbox.journal
        message["flash"] = {
            "errors": journal.errors,
            "damaged": journal.damaged,
            "lost": journal.lost,
        }
    if client.rejected:
        message["not_subscribed"] = client.rejected
    if client.v5 or client.again is not None or getattr(client.outbox, "aside", False):
        call("network", "lost", "more", message, client)


def board():
    """Return the board's id if its facts are installed, otherwise MicroPython's name for it."""
    try:
        with open("board.txt") as file:
            return file.read()
    except OSError:
        return getattr(sys.implementation, "_machine", "")


def rssi(wlan):
    """Return the signal strength in dBm, None if the port can't tell."""
    try:
        return wlan.status("rssi")
    except (OSError, ValueError, TypeError):
        return None
