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
        "board": board(),
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
        message["flash"] = {
            "errors": journal.errors,
            "damaged": journal.damaged,
            "lost": journal.lost,
        }
    if client.session.rejected:
        message["not_subscribed"] = client.session.rejected
    aside = set_aside(client)
    if aside:
        message["set_aside"] = aside
    failing = [entry[0] for entry in node.sensors if entry[8] > 4]  # in a row, see node.app
    if failing:
        message["failing"] = failing
    if node.error:
        message["error"] = node.error
    if node.wlan:
        message["rssi"] = rssi(node.wlan)
    client.post(node.prefix + "diagnostics", json.dumps(message), True, 0)


def set_aside(client):
    """Topics that the broker does not like, and how many messages wait for each; mqtt.suspects."""
    found = {}
    if client.again is not None:
        for topic in client.past[9]:
            if isinstance(topic, str):
                found[topic] = 0
    for topic, _, _ in getattr(client.outbox, "aside", ()):
        topic = topic if isinstance(topic, str) else str(topic, "utf-8")
        found[topic] = found.get(topic, 0) + 1
    return found


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
