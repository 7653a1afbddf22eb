"""Moves readings from the flash into an outbox in RAM, a few at a time, in order.

They stay on the flash until the broker has acknowledged them: a segment is removed when everything
in it is done. Nothing is written, so the code that writes a journal isn't needed. After a power
cut the segment that was being sent is sent from its beginning.
Needed now and then, then forgotten. The outbox remembers how far we are:

lot, restored: of its messages, those from `lot` on to `restored` are on the flash as well
base: the number in the journal of the first of them, or a lower one
place: where to go on: the arguments of mqtt.engine.records.Reader behind the folder
"""

import os

from micropython import const

from mqtt.engine.records import Reader, following
from node.overlay import forget

_FOLDER = const("outbox")
_FEW = const(4)  # how many messages at a time
_NEVER = const(0x3FFF_FFFF)
_NEWEST = const(64)  # flag of a reading that a newer one replaces, see mqtt.durable


def begin(node, outbox, look, many=None):
    """Find what is on the flash, and move it over; look: see mqtt.engine.journal.

    many: move everything if it is no more than this, otherwise return False. None: move it later,
    a few messages at a time.
    """
    outbox.lot = outbox.restored = outbox.base = 0
    reader = Reader(_FOLDER)
    try:
        from mqtt.engine.survey import survey

        survey(reader, look)
    finally:
        forget("survey", package="mqtt.engine")
    outbox.place = [reader.unread, reader.next, reader.reading, 0]
    if many is None:
        node.more = 0
        return True
    if reader.next - reader.unread > many:
        return False
    _take(node, outbox, reader, many)
    if not outbox.count:
        _free(node, outbox)
    return True


def more(node):
    """Everything so far is acknowledged: move more, or free the flash."""
    outbox = node.client.outbox
    place = outbox.place
    try:
        if place[0] == place[1]:
            _free(node, outbox)
            return
        reader = Reader(_FOLDER, *place)
        _remove(reader.reading)
        _take(node, outbox, reader, min(_FEW, outbox.limit - outbox.count))
    except OSError as error:  # the next start will do it
        node.more = _NEVER
        node.failed("outbox", error)
    finally:
        forget("records", "survey", package="mqtt.engine")


def _take(node, outbox, reader, most):
    """Move this many messages; even if something is raised, none is moved twice."""
    place = outbox.place
    outbox.lot = outbox.restored = node.more = outbox.removed + outbox.count
    outbox.base = reader.unread
    while most > 0:
        message = reader.read()
        place[0] = reader.unread
        place[2] = reader.reading
        place[3] = reader.at
        if not message:
            break
        topic, payload, flags = message
        outbox.put(topic, payload, flags & ~_NEWEST)
        outbox.restored = node.more = outbox.removed + outbox.count
        most -= 1
    if reader.lost:
        node.about["lost"] = node.about.get("lost", 0) + reader.lost


def _remove(end):
    """Remove the segments before that one."""
    low = following(_FOLDER, 0)
    while low < end:
        os.remove("%s/%08x" % (_FOLDER, low))
        low = following(_FOLDER, low)


def _free(node, outbox):
    outbox.restored = 0
    node.more = _NEVER
    _remove(_NEVER)
    try:
        os.rmdir(_FOLDER)
    except OSError:
        pass  # someone else's files
