"""Gives readings in binary a time that were taken before the clock was set, as node.network.stamp.

Loaded when the clock is set, and for those on the flash.
"""

import sys

from node.format.compact import text, word


def told(node, began):
    """As node.network.stamp's, which was called before."""
    boot = node.boot
    outbox = node.client.outbox
    for index in range(node.client.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3 + 1
        outbox.ring[place] = stamp(outbox.ring[place], boot, began)
    before = getattr(outbox, "on_read", None)
    if before:
        outbox.on_read = lambda payload: stamp(before(payload), boot, began)


def stamp(payload, boot, began):
    """Return the payload with a flagged "time" instead of "uptime"; others unchanged."""
    for name in ("msgpack", "cbor"):
        module = sys.modules.get("node.format." + name)
        if module:
            found = _stamped(payload, boot, began, module.head, module.MARKS)
            if found is not payload:
                return found
    return payload


def _stamped(payload, boot, began, head, marks):
    said = text("boot", head) + head(0, boot)
    uptime = int.from_bytes(payload[-4:], "big")
    end = said + text("uptime", head) + word(uptime, marks)
    if payload[-len(end) :] != end:
        return payload
    first = text("value", head)
    start = payload.find(head(5, 5) + first)  # with MQTT 5 there are properties before it
    if start < 0:
        return payload
    said += text("time", head) + word(began + uptime, marks) + text("restamped", head) + marks[1]
    return payload[:start] + head(5, 6) + payload[start + 1 : -len(end)] + said
