"""The messages that were set aside. Imported when there are some; engine.suspects finds them.

outbox.aside: a list of (topic, payload, flags). Those of a durable outbox are on the flash as
well, in a folder beside its own, from which the next start takes them into the outbox again.
"""

import os

from micropython import const

_DUP = const(8)


def aside(outbox):
    """The messages that were set aside."""
    return getattr(outbox, "aside", ())


def set_aside(outbox):
    """Keep the message at the head of the outbox, which is about to be removed there."""
    outbox.get(0)
    outbox.aside = list(aside(outbox))
    outbox.aside.append((outbox.topic, outbox.payload, outbox.flags & ~_DUP))
    if hasattr(outbox, "journal"):
        store(outbox.journal, outbox.aside[-1:])


def put_back(outbox):
    """Put them at the end of the outbox, as new messages; returns those that found no room."""
    held, outbox.aside = aside(outbox), []
    _put(outbox, held)
    if hasattr(outbox, "journal"):
        clear(outbox.journal)
        store(outbox.journal, outbox.aside)
    return outbox.aside


def restore(outbox):
    """The start of a durable outbox: take in what was aside when the last one ended."""
    journal = _beside(outbox.journal)
    held = []
    message = journal.read()
    while message:
        held.append(message)
        message = journal.read()
    outbox.aside = []
    _put(outbox, held)
    if not outbox.aside:
        clear(outbox.journal)


def clear(journal):
    """Forget those on the flash."""
    folder = journal.folder + "-aside"
    try:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
        os.rmdir(folder)
    except OSError:
        journal.errors += 1


def _put(outbox, messages):
    for message in messages:
        if outbox.count == outbox.limit and not hasattr(outbox, "journal"):
            outbox.aside.append(message)
        elif outbox.put(*message) is None:
            outbox.refused -= 1  # it had been taken long ago
            outbox.aside.append(message)


def store(journal, messages):
    """Put them on the flash; if that fails, they are only in RAM."""
    if messages:
        try:
            beside = _beside(journal)
            for message in messages:
                beside.append(*message)
            beside.close()
        except (OSError, ValueError):
            journal.errors += 1


def _beside(journal):
    from mqtt.engine.journal import Journal

    return Journal(journal.folder + "-aside", journal.segments, journal.segment, journal.reserve)
