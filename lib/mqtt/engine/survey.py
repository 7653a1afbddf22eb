"""Finds out what the segments of a journal hold: when it is opened, or where one is damaged.

Each segment is read through once, in order, with a few numbers in RAM however many there are.
engine.records loads this where a segment is damaged, so it hands over what is needed of it.
"""

import os

from micropython import const

_LAST = const(0x3FFF_FFFF)  # as in engine.records
_SIZE = const(16)  # of a header
_WINDOW = const(64)
_AT_ONCE = const(16)  # segments that one look at the folder finds


def survey(journal, records, look=None):
    """Set what a Reader knows of its folder: where its messages begin and end.

    It sets first, next, mark and damaged; the numbers of the segments, low, second and high, and
    their count; the size of the last one, and whether that is whole. look(payload) is called for
    each message. records: the module engine.records.
    """
    journal.first = journal.next = journal.mark = journal.damaged = 0
    journal.size = journal.high = journal.count = 0
    journal.whole = False
    found = [_LAST] * _AT_ONCE
    low = 0
    while low < _LAST:
        count = least(records.segments(journal.folder), low, found)
        if not journal.count:
            journal.count = count
            journal.first = journal.low = found[0] if count else 0
            journal.second = found[1]
        for i in range(_AT_ONCE - 1):
            if found[i] < _LAST:
                journal.high = found[i]
                search(journal, records.record, found[i], found[i + 1], look)
        low = found[-1]
    journal.unread = journal.first
    journal.reading = journal.low
    journal.at = 0
    journal.until = journal.second


def least(segments, low, found):
    """Fill a list with the first segments from that number on, in order, and _LAST behind them.

    segments: the numbers of all, in any order. Returns how many they are.
    """
    count = 0
    for i in range(_AT_ONCE):
        found[i] = _LAST
    for number in segments:
        if low <= number < found[-1]:
            found[-1] = number
            found.sort()
        count += 1
    return count


def search(journal, record, name, end, look):
    """Find the last record of a segment, and how far we are."""
    journal.next = name
    journal.size = left = os.stat(journal.path(name))[6]
    journal.whole = False
    with open(journal.path(name), "rb") as file:
        while left and journal.next < end:
            found = record(file)
            if not found or not journal.next <= found[3] < end:
                journal.damaged += 1
                found = journal.beyond(file, journal.size - left, journal.next, end)
                if not found:
                    journal.whole = False
                    return
                left = journal.size - journal.at
            topic, payload, _, journal.next, done, mark = found
            left -= _SIZE + len(topic) + len(payload)
            journal.first = max(journal.first, done)
            if topic:
                journal.next += 1
                journal.mark = mark
                if look:
                    look(payload)
            journal.whole = left == 0


def place(record, file, at, low, end):
    """The place, from `at` on, of a record whose number is low <= number < end; -1 for none.

    low, end: what numbers the segment may hold; then the checksum decides.
    """
    while True:
        file.seek(at)
        window = file.read(_WINDOW)
        last = len(window) - _SIZE
        if last < 0:
            return -1
        for i in range(last + 1):
            if window[i + 4] < 0x40:  # see engine.records
                number = window[i + 4] << 24 | window[i + 5] << 16 | window[i + 6] << 8
                if low <= number | window[i + 7] < end:
                    file.seek(at + i)
                    if record(file):
                        return at + i
        at += last + 1
