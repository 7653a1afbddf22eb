"""What was accepted and not delivered, over a restart of the node's own making.

Readings of "must_deliver" are on the flash at all times. Those that wait in RAM are written there
before the node restarts itself (a command, a crash, the end of safe mode), and read at the start.
Only what takes the power away, or the watchdog, loses them. Needed then, and forgotten.
"""

import json
import os

from micropython import const

from mqtt.journal import Journal
from mqtt.outbox import Outbox

FOLDER = "outbox"
_SEGMENT = const(4096)
_MOST = const(1 << 16)  # segments: here the room on the flash is the limit
_IN_RAM = const(16)  # of what comes from the flash, so much is in RAM at a time


def outbox(node, queue, flash, must):
    """Return the outbox of a node, with what was kept from before the start.

    queue: places in RAM; flash: bytes on the flash; must: True if some sensor is "must_deliver"
    A flash that cannot be used is reported, and does not keep the node from connecting.
    """
    try:
        return _outbox(node, queue, max(2, flash // _SEGMENT), must)
    except (OSError, ValueError) as error:
        node.failed("outbox", error)
        fault = "outbox: the flash fails (%s); readings are kept in RAM alone" % error
        node.about["faults"] = node.about.get("faults", []) + [fault]
        return queue


def _outbox(node, queue, segments, must):
    if not must:
        journal = Journal(FOLDER, segments, _SEGMENT)
        if journal.next - journal.first <= min(queue, _IN_RAM):
            _number(node, journal)
            return _taken_over(journal, queue)
    from mqtt.durable import Durable

    made = Durable(FOLDER, min(max(queue, 4), 2 * _IN_RAM), segments, _SEGMENT)
    made.keep = False  # the sensors that want it say so
    _number(node, made.journal)
    return made


def _number(node, journal):
    """The numbers of readings go on."""
    last, journal.last = journal.last, None
    try:
        node.count = json.loads(last)["seq"]
    except (ValueError, KeyError, TypeError):
        pass  # there was none


def _taken_over(journal, queue):
    """An outbox in RAM, with all that the journal holds, and that stays there until it is done."""
    made = Outbox(queue)
    message = journal.read()
    while message:
        made.put(*message)
        message = journal.read()
    made.restored = made.count  # type: ignore[attr-defined]
    if not made.count:
        clear(made)
    return made


def clear(waiting):
    """All that was taken over has been acknowledged: the flash is free again. Raises OSError."""
    waiting.restored = 0
    for name in os.listdir(FOLDER):
        os.remove(FOLDER + "/" + name)
    os.rmdir(FOLDER)


def store(waiting):
    """Put onto the flash what waits in RAM in an outbox; returns the number of messages.

    Raises OSError when there is no room for all.
    """
    in_ram = list(range(waiting.removed, waiting.removed + waiting.count))
    journal = getattr(waiting, "journal", None)
    aside = ()  # those of a journal are on the flash
    if journal:
        in_ram = [number for number in in_ram if not waiting.in_journal(number)]
        journal.segments = _MOST
    else:
        # The first `restored` messages are on the flash as well, see _taken_over.
        restored = getattr(waiting, "restored", 0)
        in_ram = [number for number in in_ram if number >= restored]
        aside = getattr(waiting, "aside", ())
        if not in_ram and not restored and not aside:
            return 0
        journal = Journal(FOLDER, _MOST)
        if restored:
            journal.done(journal.first + min(waiting.removed, restored))
    try:
        for number in in_ram:
            waiting.get(number - waiting.removed)
            journal.append(waiting.topic, waiting.payload, waiting.flags, waiting.pid)
        for message in aside:
            journal.append(*message)
    finally:
        journal.close()
    return len(in_ram) + len(aside)
