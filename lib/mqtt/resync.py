"""Finds a record of a journal behind bytes that are none. Loaded where such bytes were met."""

from micropython import const

from mqtt.journal import _record

_SIZE = const(16)  # of a header
_WINDOW = const(64)


def place(file, at, low, end):
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
            if window[i + 4] < 0x40:  # see _LAST
                number = window[i + 4] << 24 | window[i + 5] << 16 | window[i + 6] << 8
                if low <= number | window[i + 7] < end:
                    file.seek(at + i)
                    if _record(file):
                        return at + i
        at += last + 1
