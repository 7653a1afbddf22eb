"""Gives readings a time that were taken before the clock was set."""


def stamp(payload, boot, began):
    """Return the payload with a flagged "time" instead of "uptime"; other payloads unchanged.

    boot: whose readings are meant; began: when the uptime was 0, in s since 1970. A reading from
    before a restart stays unchanged too: nobody knows how long that took. Only the end of the text
    changes, so the digits of the value stay as they are.
    """
    end = b', "boot": %d, "uptime": ' % boot
    at = payload.rfind(end)
    if at < 0:
        return payload
    try:
        uptime = int(payload[at + len(end) : -1])
    except ValueError:
        return payload
    said = b', "boot": %d, "time": %d, "restamped": true}' % (boot, began + uptime)
    return payload[:at] + said


def told(node, began):
    """Give the waiting readings that have no time the time at which they were taken."""
    boot = node.boot
    outbox = node.client.outbox
    for index in range(node.client.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3 + 1
        outbox.ring[place] = stamp(outbox.ring[place], boot, began)
    if hasattr(outbox, "journal") and outbox.journal.unread < outbox.journal.next:
        outbox.on_read = lambda payload: stamp(payload, boot, began)
