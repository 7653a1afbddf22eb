"""The files of a journal: begins and removes them, and finds them. See engine.journal.

No list of the segments is held, because there may be hundreds: the next one is looked up in
the folder when its turn comes. Loaded when one is full or done, which is rare.
"""

import os

from micropython import const

_LAST = const(0x3FFF_FFFF)  # no number reaches it
_ENOSPC = const(28)


def begin(journal, more):
    """Begin a segment, if there is room for it; one more to say how far we are, if `more`."""
    stat = os.statvfs(journal.folder)
    # littlefs takes two blocks more when its list of files grows.
    room = stat[0] * (stat[3] - 2) >= journal.segment + (0 if more else journal.reserve)
    if not room or journal.count >= journal.segments + more:
        raise OSError(_ENOSPC)
    journal.leave()
    journal.file = open(journal.path(journal.next), "wb")  # noqa: SIM115
    journal.size = 0
    if not journal.count:  # then all numbers are 0
        journal.count = 1
    elif journal.next != journal.high:  # else it held no record, and is written again
        journal.high = journal.next
        journal.count += 1
        journal.second = min(journal.second, journal.next)
        journal.until = min(journal.until, journal.next)


def remove(journal, end):
    """Remove the segments before the one that holds message `end`."""
    while journal.second <= end:
        if journal.reading == journal.low:
            journal.go_to(journal.second)
        os.remove(journal.path(journal.low))
        journal.count -= 1
        journal.low = journal.second
        journal.second = following(journal.folder, journal.low + 1)


def segments(folder):
    """The numbers of the segments, in any order; other files are left alone."""
    for entry in os.ilistdir(folder):
        name = entry[0]
        try:
            if len(name) == 8:
                number = int(name, 16)
                if number < _LAST and "%08x" % number == name.lower():
                    yield number
        except ValueError:
            pass


def following(folder, number):
    """The first segment from that number on; _LAST if there is none."""
    found = _LAST
    for each in segments(folder):
        if number <= each < found:
            found = each
    return found
