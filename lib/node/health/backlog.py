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

from mqtt.engine import records
from node.overlay import forget

_FOLDER = const("outbox")
# Of outbox.place.
_UNREAD = const(0)
_NEXT = const(1)
_SEGMENT = const(2)
_AT = const(3)

_FEW = const(4)  # how many messages at a time
_NEVER = const(0x3FFF_FFFF)
_NEWEST = const(64)  # flag of a reading that a newer one replaces, see mqtt.durable


def begin(node, outbox, look, most=None):
    """Find what is on the flash, and move it over; look: see mqtt.engine.journal.

    most: move everything if it is no more than this, otherwise return False. None: move it later,
    a few messages at a time.
    """
    outbox.lot = outbox.restored = outbox.base = 0
    journal = records.Reader(_FOLDER)
    try:
        from mqtt.engine.survey import survey

        survey(journal, records, look)
    finally:
        forget("survey", package="mqtt.engine")
    outbox.place = [journal.unread, journal.next, journal.reading, 0]
    if most is None:
        node.more = 0
        return True
    if journal.next - journal.unread > most:
        return False
    take(node, outbox, journal, most)
    if not outbox.count:
        _free(node, outbox)
    return True


def more(node):
    """Everything so far is acknowledged: move more, or free the flash."""
    outbox = node.client.outbox
    place = outbox.place
    try:
        if place[_UNREAD] == place[_NEXT]:
            _free(node, outbox)
            return
        journal = records.Reader(_FOLDER, *place)
        remove(journal.reading)
        take(node, outbox, journal, min(_FEW, outbox.limit - outbox.count))
    except OSError as error:  # the next start will do it
        node.more = _NEVER
        node.failed("outbox", error)
    finally:
        forget("records", "segments", "survey", package="mqtt.engine")


def take(node, outbox, journal, most):
    """Move this many messages; even if something is raised, none is moved twice."""
    place = outbox.place
    outbox.lot = outbox.restored = node.more = outbox.removed + outbox.count
    outbox.base = journal.unread
    while most > 0:
        message = journal.read()
        place[_UNREAD] = journal.unread
        place[_SEGMENT] = journal.reading
        place[_AT] = journal.at
        if not message:
            break
        topic, payload, flags = message
        outbox.put(topic, payload, flags & ~_NEWEST)
        outbox.restored = node.more = outbox.removed + outbox.count
        most -= 1
    if journal.lost:
        node.about["lost"] = node.about.get("lost", 0) + journal.lost


def remove(end):
    """Remove the segments before that one."""
    low = records.following(_FOLDER, 0)
    while low < end:
        os.remove("%s/%08x" % (_FOLDER, low))
        low = records.following(_FOLDER, low)


def _free(node, outbox):
    outbox.restored = 0
    node.more = _NEVER
    remove(_NEVER)
    try:
        os.rmdir(_FOLDER)
    except OSError:
        pass  # someone else's files
