"""The time of a reading that was taken before anybody had set the clock."""


def stamp(payload, boot, began):
    """Return the payload with "time" for "uptime", flagged; as it is if it is no such reading.

    boot: that of the readings meant; began: when the uptime was 0, s since 1970. A reading from
    before a restart stays as it is too: nobody knows how long that took. The text is changed at
    its end alone, so that the digits of the value stay as they are.
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
    """Give the readings that wait, and were taken before, the time they were taken at."""
    boot = node.boot
    outbox = node.client.outbox
    for index in range(node.client.known, outbox.count):
        place = (outbox.removed + index) % outbox.limit * 3 + 1
        outbox.ring[place] = stamp(outbox.ring[place], boot, began)
    if hasattr(outbox, "journal") and outbox.journal.unread < outbox.journal.next:
        outbox.on_read = lambda payload: stamp(payload, boot, began)
