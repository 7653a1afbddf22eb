"""The diagnostics message: how the node is. Needed now and then, see node.overlay."""

import gc
import json
import sys

VERSION = "0.1.0"


def tell(node):
    """Publish the diagnostics of the node, retained."""
    client = node.client
    durable = hasattr(client.outbox, "journal")
    message = {
        "version": VERSION,
        "board": _board(),
        "uptime": node.uptime,
        "heap_free": gc.mem_free(),
        "waiting": client.outbox.waiting() if durable else client.outbox.count,
        "refused": client.outbox.refused,
        "drops": node.drops,
        "skipped": client.session.incoming.skipped,
        "connects": client.connects,
    }
    message.update(node.about)
    if durable:
        journal = client.outbox.journal
        message["flash"] = {"errors": journal.errors, "damaged": journal.damaged}
    if node.error:
        message["error"] = node.error
    if node.wlan:
        message["rssi"] = _rssi(node.wlan)
    client.post(node.prefix + "diagnostics", json.dumps(message), True, 0)


def _board():
    """The id of the board, where its facts are installed; else what MicroPython calls it."""
    try:
        with open("board.txt") as file:
            return file.read()
    except OSError:
        return getattr(sys.implementation, "_machine", "unknown")


def _rssi(wlan):
    """Signal strength in dBm, None where the port cannot tell."""
    try:
        return wlan.status("rssi")
    except (OSError, ValueError, TypeError):
        return None
