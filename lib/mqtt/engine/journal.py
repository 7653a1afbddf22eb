"""Keeps messages on flash in order, only by appending to files.

When append() has returned, the message is on the flash, whatever the power does. The files, called
segments, have a folder of their own. Each is named by the number of its first message in hex; when
one is full, the next is begun, and one whose messages are all done is removed. What is stored is
never written again: each new message also says how far we are.

A record is a header, the topic and the payload. The header: sizes of payload and topic, flags,
number, how many before it are not done (65535: that many or more), a mark of the caller's, CRC-32.
A record without a topic only says how far we are. Bytes that aren't a record are skipped, up to
the next record. At the end of a segment they are what a power cut has left: then nothing is
appended to it, and if two segments hold the same number, the later one is right.

engine.records reads, engine.segments begins and removes; engine.survey looks through all when the
journal is opened. However long the backlog is, opening takes no more RAM.
"""

import os
import struct

from micropython import const

if False:  # for type checkers
    from typing import Any

try:
    from binascii import crc32  # type: ignore[attr-defined]
except ImportError:  # a port without it
    from mqtt.engine.crc import crc32

_HEADER = const(">HBBIHHI")  # as in engine.records
_LAST = const(0x3FFF_FFFF)
_SIZE = const(16)  # of the header
_SUMMED = const(12)  # of it, so much is in the checksum
_MANY = const(0xFFFF)  # messages not done, or more
_LAG = const(8)  # messages done before the flash is told: this many may be sent again


class Journal:
    """The messages from number `first`, the oldest that is not done, to `next` - 1.

    folder: made if it is not there; segment: bytes of a file, best a block of the flash
    segments: how many files at most, 2 or more; reserve: bytes of the file system left free
    damaged: places with something that isn't a record: a power cut, or worn flash
    look: look(payload) is called for each message that is found when the journal is opened
    errors: times that the file system failed
    lost, mark, read(): see engine.records.Reader
    """

    next: int

    def __init__(self, folder, segments=16, segment=4096, reserve=16_384, look=None):
        self.segments = segments
        self.segment = segment
        self.reserve = reserve
        self.file: "Any" = None  # the segment that is appended to
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there; if not, the next line says so
        self.folder = folder
        self.lost = self.mark = 0
        self.go_to(0)
        from mqtt.engine import records, survey

        # low, second, high: the first two segments and the last; count: of segments
        # size: of the last; whole: it ends with a record, so that it can be gone on with
        self.low = self.second = self.high = self.count = self.size = 0
        self.first = self.damaged = self.errors = 0
        self.whole = False
        survey.survey(self, records, look)
        self._told = self.first  # the flash knows that all before this one are done

    def append(self, topic, payload, flags, mark=0):
        """Store a message; flags: 0 to 255. Raises OSError if there is no room or no flash.

        mark: 0 to 65535, whatever the caller wants to know again. topic: 1 to 255 bytes; all of it
        has to fit into a segment, else ValueError is raised.
        """
        topic = topic.encode() if isinstance(topic, str) else topic
        size = _SIZE + len(topic) + len(payload)
        if not 0 < len(topic) < 256 or size > self.segment:
            raise ValueError(
                "%d bytes, topic %d; limits: %d, 255"
                % (size - _SIZE, len(topic), self.segment - _SIZE)
            )
        self._write(topic, payload, flags, mark)
        self.next += 1

    def read(self):
        """As a Reader's: the next message that is not done; None after the last."""
        if self.unread == self.next:
            return None
        from mqtt.engine.records import Reader

        return Reader.read(self)  # type: ignore[arg-type]

    def beyond(self, *where):
        """As a Reader's: the next record behind a place that holds none."""
        from mqtt.engine.records import Reader

        return Reader.beyond(self, *where)  # type: ignore[arg-type]

    def go_to(self, segment, at=0):
        """Read on in that segment, at that place."""
        self.reading = segment
        self.at = at
        self.until = 0  # the next segment; not looked up yet

    def path(self, number):
        """The file of the segment that begins with that number."""
        return "%s/%08x" % (self.folder, number)

    def skip(self):
        """What was appended is in RAM as well, and need not be read."""
        self.unread = self.next
        self.reading = self.high
        self.until = _LAST
        self.at = self.size

    def done(self, number):
        """All messages before that number are done; segments that hold no others are removed."""
        self.first = number
        # The last that holds a message stays, for what it tells after a restart.
        end = min(number, self.next - 1)
        if self.second <= end:
            from mqtt.engine.segments import remove

            remove(self, end)
        self._told = max(self._told, self.low)
        if number - self._told >= _LAG:
            self._write(b"", b"", 0)

    def close(self):
        """Tell the flash how far we are."""
        if self._told < self.first:
            self._write(b"", b"", 0)
        self.leave()

    # --- files

    def _write(self, topic, payload, flags, mark=0):
        """Append a record to the last segment, or to a new one."""
        size = _SIZE + len(topic) + len(payload)
        head = bytearray(_SIZE)
        left = min(self.next - self.first, _MANY)
        struct.pack_into(
            _HEADER, head, 0, len(payload), len(topic), flags, self.next, left, mark, 0
        )
        summed = crc32(payload, crc32(topic, crc32(memoryview(head)[:_SUMMED])))
        struct.pack_into(">I", head, _SUMMED, summed)
        if self.file is None and self.whole:
            self.file = open(self.path(self.high), "ab")  # noqa: SIM115
        self.whole = False
        if self.file is None or self.size + size > self.segment:
            from mqtt.engine.segments import begin

            begin(self, not topic)
        try:
            for part in (head, topic, payload):
                self.file.write(part)
            self.file.flush()
        except OSError:
            self.errors += 1
            self.leave()  # the end may not be a record: nothing can follow it
            raise
        self.size += size
        self._told = self.first

    def leave(self):
        """Close the segment that is appended to."""
        file, self.file = self.file, None
        if file:
            try:
                file.close()
            except OSError:
                self.errors += 1
