"""The last write before the node restarts itself: what waits in RAM goes onto the flash.

Readings of "must_deliver" are always there. The others are lost only in a power cut, or when the
watchdog resets the board. Needed then, then forgotten.
"""

from micropython import const

_FOLDER = const("outbox")
_MOST = const(1 << 16)  # segments: only the room on the flash limits them
_NEWEST = const(64)  # flag of a reading that a newer one replaces, see mqtt.durable


def store(waiting):
    """Put what waits in an outbox in RAM onto the flash; return how many were kept, and not kept.

    It is the last write, so it may use the reserve as well.
    """
    own = getattr(waiting, "journal", None)
    aside = () if own else getattr(waiting, "aside", ())
    lost = len(aside) + sum(1 for _ in left(waiting, own))
    journal = own
    if not own:
        if not lost and not getattr(waiting, "restored", 0):
            return 0, 0
        try:
            from mqtt.engine.journal import Journal

            journal = Journal(_FOLDER)
        except (OSError, MemoryError):
            return 0, lost
    journal.segments = _MOST
    journal.reserve = 0
    kept = 0
    try:
        for _ in written(waiting, own, journal, aside):
            kept += 1
        journal.close()
    except (OSError, ValueError, MemoryError) as error:
        print("Petrel: not kept:", error)
    return kept, lost - kept


def left(waiting, own):
    """Return the numbers of messages not on the flash; own: the outbox's journal, or None."""
    # What a durable outbox moved over is done already if it was acknowledged.
    lot = getattr(waiting, "lot", 0)
    restored = 0 if own else getattr(waiting, "restored", 0)
    for number in range(waiting.removed, waiting.removed + waiting.count):
        if not (waiting.in_journal(number) if own else lot <= number < restored):
            yield number


def written(waiting, own, journal, aside):
    """Write them, and what was set aside; yield after each."""
    newest = getattr(waiting, "newest", ())
    lot = getattr(waiting, "lot", 0)
    restored = 0 if own else getattr(waiting, "restored", 0)
    if restored > lot:
        journal.done(waiting.base + max(0, min(waiting.removed, restored) - lot))
    for number in left(waiting, own):
        waiting.get(number - waiting.removed)
        flags = waiting.flags | (_NEWEST if waiting.topic in newest else 0)
        journal.append(waiting.topic, waiting.payload, flags, waiting.pid)
        yield
    for message in aside:
        journal.append(*message)
        yield
