"""The diagnostics message: how the node is. Needed now and then, see node.overlay."""

import gc
import json
import sys

from node.overlay import call

VERSION = "0.1.0"


def tell(node):
    """Publish the diagnostics of the node, retained."""
    node.client.post(node.prefix + "diagnostics", json.dumps(about(node)), True, 0)


def about(node):
    """What is known of the node. When it is in words its own RAM serves to send them."""
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
    if durable:
        journal = client.outbox.journal
        message["flash"] = {
            "errors": journal.errors,
            "damaged": journal.damaged,
            "lost": journal.lost,
        }
    if client.rejected:
        message["not_subscribed"] = client.rejected
    if client.again is not None or getattr(client.outbox, "aside", False):
        message["set_aside"] = call("lost", "set_aside", client)
    failing = [entry[0] for entry in node.sensors if entry[8] > 4]  # in a row, see node.app
    if failing:
        message["failing"] = failing
    if node.error:
        message["error"] = node.error
    if node.wlan:
        message["rssi"] = rssi(node.wlan)
    return message


def board():
    """The id of the board, where its facts are installed; else what MicroPython calls it."""
    try:
        with open("board.txt") as file:
            return file.read()
    except OSError:
        return getattr(sys.implementation, "_machine", "unknown")


def rssi(wlan):
    """Signal strength in dBm, None where the port cannot tell."""
    try:
        return wlan.status("rssi")
    except (OSError, ValueError, TypeError):
        return None
