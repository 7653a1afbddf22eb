"""The last write before the node restarts itself: what waits in RAM goes to the flash.

Readings of "must_deliver" are there at all times. The others are lost only by what takes the power
away, or by the watchdog. Needed then, and forgotten.
"""

from micropython import const

_FOLDER = const("outbox")
_MOST = const(1 << 16)  # segments: here the room on the flash is the limit
_NEWEST = const(64)  # flag of a reading that a newer one replaces, see mqtt.durable


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

            journal = Journal(_FOLDER)
        except (OSError, MemoryError):
            return 0, lost
    journal.segments = _MOST
    journal.reserve = 0
    kept = 0
    try:
        if restored > lot:
            journal.done(waiting.base + max(0, min(waiting.removed, restored) - lot))
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
