"""What was accepted and not delivered, over a restart of the node's own making.

Readings of "must_deliver" are on the flash at all times. Those that wait in RAM are written there
before the node restarts itself (a command, a crash, the end of safe mode), and read at the start.
Only what takes the power away, or the watchdog, loses them. Needed then, and forgotten.
"""

import json
import os

from mqtt.journal import Journal
from mqtt.outbox import Outbox

FOLDER = "outbox"
_SEGMENT = 4096
_IN_RAM = 16  # of what comes from the flash, so much is in RAM at a time


def outbox(node, queue, flash, must):
    """Return the outbox of a node, with what was kept from before the start.

    queue: places in RAM; flash: bytes on the flash; must: True if some sensor is "must_deliver"
    """
    segments = max(2, flash // _SEGMENT)
    if not must:
        journal = Journal(FOLDER, segments, _SEGMENT)
        if journal.next - journal.first <= min(queue, _IN_RAM):
            return _taken_over(journal, queue)
    from mqtt.durable import Durable

    made = Durable(FOLDER, min(max(queue, 4), 2 * _IN_RAM), segments, _SEGMENT)
    made.keep = False  # the sensors that want it say so
    last, made.journal.last = made.journal.last, None
    try:
        node.count = json.loads(last)["seq"]  # the numbers of readings go on
    except (ValueError, KeyError, TypeError):
        pass  # there was none
    return made


def _taken_over(journal, queue):
    """An outbox in RAM, with all that the journal holds; the flash is free again."""
    made = Outbox(queue)
    message = journal.read()
    while message:
        made.put(*message)
        message = journal.read()
    made.restored = made.count  # type: ignore[attr-defined]
    for name in os.listdir(FOLDER):
        os.remove(FOLDER + "/" + name)
    os.rmdir(FOLDER)
    return made


def store(waiting):
    """Put onto the flash what waits in RAM in an outbox; returns the number of messages."""
    in_ram = list(range(waiting.removed, waiting.removed + waiting.count))
    journal = getattr(waiting, "journal", None)
    if journal:
        in_ram = [number for number in in_ram if not waiting.in_journal(number)]
    elif waiting.count:
        journal = Journal(FOLDER)
    for number in in_ram:
        waiting.get(number - waiting.removed)
        journal.append(waiting.topic, waiting.payload, waiting.flags)
    if journal:
        journal.close()
    return len(in_ram)
