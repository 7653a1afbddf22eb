"""What was accepted and not delivered, over a restart of the node's own making.

Readings of "must_deliver" are on the flash at all times. Those that wait in RAM are written there
before the node restarts itself (a command, a crash, the end of safe mode), and read at the start.
Only what takes the power away, or the watchdog, loses them. Needed then, and forgotten.
"""

import os
import sys

from micropython import const

from mqtt.outbox import Outbox
from node.overlay import forget

FOLDER = "outbox"
_SEGMENT = const(4096)
_MOST = const(1 << 16)  # segments: here the room on the flash is the limit
_IN_RAM = const(16)  # of what comes from the flash, so much is in RAM at a time
_FEW = const(4)  # the same where there is little RAM
_NEWEST = const(64)  # flag of a reading that a newer one replaces, see mqtt.durable


def begin(node, config):
    """Put the outbox into the place of config["queue"], where readings are not only printed."""
    if "serial" not in config["mqtt"]:
        try:
            import network  # noqa: F401
        except ImportError:
            return
    # In safe mode there are no sensors, and what was stored for them stays where it is.
    must = config["must"] or node.safe
    config["queue"] = outbox(node, config["queue"], config["outbox"], must)


def outbox(node, queue, flash, must):
    """Return the outbox of a node, with what was kept from before the start.

    queue: places in RAM; flash: bytes on the flash; must: True if some sensor is "must_deliver"
    A flash that cannot be used, or a heap without room for this, is reported, and does not keep
    the node from connecting.
    """
    try:
        try:
            return _outbox(node, queue, max(2, flash // _SEGMENT), must)
        except (MemoryError, ImportError) as error:
            # A small board has no mqtt.durable where its config asks for no "must_deliver".
            forget("durable", package="mqtt")
            if must or isinstance(error, MemoryError):
                what = "too little memory" if isinstance(error, MemoryError) else "no code"
                _tell(node, error, what + " for readings on the flash; they are kept in RAM")
            made = Outbox(queue)
            made.restored = made.lot = 0  # type: ignore[attr-defined]
            _take(_opened(node, _MOST), made, min(queue, _FEW))
            return made
    except (OSError, ValueError) as error:
        _tell(node, error, "the flash fails (%s); readings are kept in RAM alone" % error)
        return queue
    except MemoryError as error:
        _tell(node, error, "too little memory to look at the flash; readings are kept in RAM")
        return queue
    finally:
        if "mqtt.durable" not in sys.modules:
            forget("journal", package="mqtt")


def _tell(node, error, fault):
    node.failed("outbox", error)
    node.about["faults"] = node.about.get("faults", []) + ["outbox: " + fault]


def _outbox(node, queue, segments, must):
    journal = _opened(node, segments)
    if not must and journal.next - journal.first <= min(queue, _IN_RAM):
        made = Outbox(queue)
        made.restored = made.lot = 0  # type: ignore[attr-defined]
        _take(journal, made, queue)
        if not made.count:
            _free(made)
        return made
    from mqtt.durable import Durable

    made = Durable(journal, min(max(queue, 4), 2 * _IN_RAM))
    made.keep = False  # the sensors that want it say so
    return made


def _opened(node, segments):
    """The journal; the numbers of readings go on behind the last that is there."""

    def look(payload):
        at = payload.find(b'"seq": ') + 7
        try:
            node.count = max(node.count, int(payload[at : payload.find(b",", at)]))
        except ValueError:
            pass  # it has none

    from mqtt.journal import Journal

    return Journal(FOLDER, segments, _SEGMENT, look=look)


def _take(journal, made, most):
    """Take from the journal what has its place in RAM, and stays on the flash until it is done.

    Of the outbox, the messages from number `lot` on to `restored` are on the flash as well.
    """
    made.lot = made.removed + made.count
    while most > 0:
        message = journal.read()
        if not message:
            break
        topic, payload, flags = message
        made.put(topic, payload, flags & ~_NEWEST)
        most -= 1
    made.restored = made.removed + made.count
    made.left = journal.unread < journal.next


def clear(waiting):
    """All that was taken over is acknowledged: take more, or free the flash. Raises OSError."""
    if not waiting.left:
        _free(waiting)
        return
    from mqtt.journal import Journal

    journal = Journal(FOLDER, _MOST)
    journal.done(journal.first + waiting.restored - waiting.lot)
    journal.unread = max(journal.unread, journal.first)
    _take(journal, waiting, min(waiting.limit - waiting.count, _FEW))
    journal.close()
    forget("journal", package="mqtt")


def _free(waiting):
    waiting.restored = 0
    for name in os.listdir(FOLDER):
        os.remove(FOLDER + "/" + name)
    os.rmdir(FOLDER)


def store(waiting):
    """Put onto the flash what waits in RAM in an outbox; returns how many were kept, and not kept.

    It is the last that is written: it may take the reserve as well.
    """
    journal = getattr(waiting, "journal", None)
    newest = getattr(waiting, "newest", ())
    aside = () if journal else getattr(waiting, "aside", ())
    lot = getattr(waiting, "lot", 0)
    # What a durable outbox took over is done already where it was acknowledged.
    restored = 0 if journal else getattr(waiting, "restored", 0)
    numbers = []
    for number in range(waiting.removed, waiting.removed + waiting.count):
        if not (waiting.in_journal(number) if journal else lot <= number < restored):
            numbers.append(number)
    lost = len(numbers) + len(aside)
    if not journal:
        if not lost and not restored:
            return 0, 0
        try:
            from mqtt.journal import Journal

            journal = Journal(FOLDER)
        except (OSError, MemoryError):
            return 0, lost
    journal.segments = _MOST
    journal.reserve = 0
    kept = 0
    try:
        if restored > lot:
            journal.done(journal.first + max(0, min(waiting.removed, restored) - lot))
        for number in numbers:
            waiting.get(number - waiting.removed)
            flags = waiting.flags | (_NEWEST if waiting.topic in newest else 0)
            journal.append(waiting.topic, waiting.payload, flags, waiting.pid)
            kept += 1
        for message in aside:
            journal.append(*message)
            kept += 1
        journal.close()
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: not kept:", error)
    return kept, lost - kept
