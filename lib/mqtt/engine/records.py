"""Reads the records in the segments of a journal. See engine.journal.

A journal loads this when it reads. What is stored, sent from RAM and acknowledged doesn't need it.
"""

import struct

from micropython import const

try:
    from binascii import crc32  # type: ignore[attr-defined]
except ImportError:  # a port without it
    from mqtt.engine.crc import crc32

from mqtt.engine.segments import following, segments  # noqa: F401

_LAST = const(0x3FFF_FFFF)  # no number reaches it
_HEADER = const(">HBBIHHI")
_SIZE = const(16)  # of the header
_SUMMED = const(12)  # of it, so much is in the checksum
_MANY = const(0xFFFF)  # messages not done, or more
_SURE = const(512)  # bytes that may be read without a look at the size of the file


class Reader:
    """Reads the messages from number `unread` to `next` - 1.

    folder: that of the segments
    lost: messages that should have been there, and were not; counted when their turn comes
    mark: that of the message found or read last
    reading, at, until: the segment and the place where it goes on, and the next segment
    """

    def __init__(self, folder, unread=0, end=0, segment=0, at=0):
        """segment, at: where to go on; end: the number behind the last message."""
        self.folder = folder
        self.lost = self.mark = 0
        self.unread = unread
        self.next = end
        self.go_to(segment, at)

    def go_to(self, segment, at=0):
        """Read on in that segment, at that place."""
        self.reading = segment
        self.at = at
        self.until = 0  # the next segment; not looked up yet

    def read(self):
        """The next message that is not done, as (topic, payload, flags); None after the last."""
        while self.unread < self.next:
            if not self.until:
                self.until = following(self.folder, self.reading + 1)
            with open(self.path(self.reading), "rb") as file:
                file.seek(self.at)
                found = record(file)
                if not found and self.at < file.seek(0, 2):
                    found = self.beyond(file, self.at, self.reading, self.until)
            if found and found[3] < self.until:
                topic, payload, flags, number, _, mark = found
                message = topic, payload, flags  # before we go on: there may be no RAM for it
                self.at += _SIZE + len(topic) + len(payload)
                if topic and number >= self.unread:
                    self.lost += number - self.unread
                    self.unread = number + 1
                    self.mark = mark
                    return message
            elif self.until < _LAST:
                self.go_to(self.until)
            else:
                self.lost += self.next - self.unread
                self.unread = self.next
        return None

    def path(self, number):
        """The file of the segment that begins with that number."""
        return "%s/%08x" % (self.folder, number)

    def beyond(self, file, at, low, end):
        """The next record behind that place, which is then `at`; None if there is none."""
        from mqtt.engine.survey import place

        at = place(record, file, at + 1, low, end)
        if at < 0:
            return None
        self.at = at
        file.seek(at)
        return record(file)


def record(file):
    """The record at a place of a file: (topic, payload, flags, number, done, mark), or None."""
    head = file.read(_SIZE)
    if len(head) < _SIZE:
        return None
    size, topic_size, flags, number, left, mark, summed = struct.unpack(_HEADER, head)
    if topic_size + size > _SURE:
        at = file.tell()
        if topic_size + size > file.seek(0, 2) - at:
            return None  # these are no sizes, and might be more than the heap has
        file.seek(at)
    topic = file.read(topic_size)
    payload = file.read(size)
    if crc32(payload, crc32(topic, crc32(head[:_SUMMED]))) != summed:
        return None
    return topic, payload, flags, number, number - left if left < _MANY else 0, mark
