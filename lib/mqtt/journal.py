"""Messages kept on flash in their order, by nothing but appending to files.

When append() has returned, the message is on the flash, whatever the power does. The files, called
segments, stand in a folder of their own. Each is named by the number of its first message in hex;
when one is full the next is begun, and one whose messages are all done is removed. What has been
stored is never written again: how far we are is told along with each new message.

A record is a header, the topic and the payload. The header: sizes of payload and topic, flags,
number, how many before it are not done (65535: that many or more), a mark of the caller's, CRC-32.
A record without a topic tells only how far we are. Bytes that are no record are passed over, up to
the next that is one. At the end of a segment they are what a power cut has left: it is never
appended to then, and where two segments hold the same number, the later one is right.
"""

import os
import struct

from micropython import const

try:
    from binascii import crc32  # type: ignore[attr-defined]
except ImportError:  # a port without it
    from mqtt.crc import crc32

_HEADER = const(">HBBIHHI")
_ENOSPC = const(28)
_SIZE = const(16)  # of the header
_SUMMED = const(12)  # of it, so much is in the checksum
_MANY = const(0xFFFF)  # messages not done, or more
_SURE = const(512)  # bytes that may be read without a look at the size of the file
_LAST = const(0x3FFF_FFFF)  # no number reaches it
_LAG = const(8)  # messages done that the flash is not told of: so many may be sent once more


class Journal:
    """The messages from number `first`, the oldest that is not done, to `next` - 1.

    folder: made if it is not there; segment: bytes of a file, best a block of the flash
    segments: so many files at most, 2 or more; reserve: bytes of the file system left free
    damaged: places with something that is no record: a power cut, or worn flash
    lost: messages that should have been there, and were not; counted when their turn comes
    look: look(payload) is called for each message that is found when the journal is opened
    errors: times that the file system failed
    mark: that of the message found or read last, see append()
    """

    def __init__(self, folder, segments=16, segment=4096, reserve=16_384, look=None):
        self.folder = folder
        self.segments = segments
        self.segment = segment
        self.reserve = reserve
        self.damaged = self.errors = self.first = self.next = self.mark = 0
        self.lost = 0
        self._file = None  # the segment that is appended to
        self._size = 0  # its size
        self._whole = False  # the last segment ends with a record, so that it can be gone on with
        self._told = 0  # the flash knows that all before this one are done
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there; if not, the next line says so
        self._names = sorted(_numbers(os.listdir(folder)))
        for i, name in enumerate(self._names):
            self._look_through(name, self._end(i), look)
        self._told = self.first
        # The next to be read: its number if all is well, the segment and the place in it.
        self.unread = self.first
        self._reading = self._names[0] if self._names else 0
        self._at = 0

    def append(self, topic, payload, flags, mark=0):
        """Store a message; flags: 0 to 255. Raises OSError if there is no room or no flash.

        mark: 0 to 65535, whatever the caller wants to know again. topic: 1 to 255 bytes; all of it
        has to fit into a segment, else ValueError is raised.
        """
        topic = topic.encode() if isinstance(topic, str) else topic
        size = _SIZE + len(topic) + len(payload)
        if not 0 < len(topic) < 256 or size > self.segment:
            raise ValueError(
                "%d bytes, topic %d; a journal takes %d, 255 of them topic"
                % (size - _SIZE, len(topic), self.segment - _SIZE)
            )
        self._write(topic, payload, flags, mark)
        self.next += 1

    def skip(self):
        """What was appended is in RAM as well, and need not be read."""
        self.unread = self.next
        self._reading = self._names[-1]
        self._at = self._size

    def read(self):
        """The next message that is not done, as (topic, payload, flags); None after the last."""
        while self.unread < self.next:
            with open(self._path(self._reading), "rb") as file:
                i = self._names.index(self._reading)
                file.seek(self._at)
                record = _record(file)
                if not record:
                    record = self._beyond(file, self._at, self._reading, self._end(i))
            if record and record[3] < self._end(i):
                topic, payload, flags, number, _, mark = record
                found = topic, payload, flags  # before we go on: there may be no RAM for it
                self._at += _SIZE + len(topic) + len(payload)
                if topic and number >= self.unread:
                    self.lost += number - self.unread
                    self.unread = number + 1
                    self.mark = mark
                    return found
            elif i + 1 < len(self._names):
                self._reading = self._names[i + 1]
                self._at = 0
            else:
                self.lost += self.next - self.unread
                self.unread = self.next
        return None

    def done(self, number):
        """All messages before that number are done; segments that hold no others are removed."""
        self.first = number
        # The last that holds a message stays, for what it tells after a restart.
        while len(self._names) > 1 and self._names[1] <= min(number, self.next - 1):
            if self._reading == self._names[0]:
                self._reading = self._names[1]
                self._at = 0
            os.remove(self._path(self._names[0]))
            self._names.pop(0)
        self._told = max(self._told, self._names[0])
        if number - self._told >= _LAG:
            self._write(b"", b"", 0)

    def close(self):
        """Tell the flash how far we are."""
        if self._told < self.first:
            self._write(b"", b"", 0)
        if self._file:
            self._file.close()
            self._file = None

    # --- files

    def _path(self, name):
        return "%s/%08x" % (self.folder, name)

    def _end(self, i):
        """The number that segment i does not reach."""
        return self._names[i + 1] if i + 1 < len(self._names) else _LAST

    def _look_through(self, name, end, look):
        """Find the last record of a segment, and how far we are."""
        self.next = name
        self.first = max(self.first, self._names[0])
        self._size = left = os.stat(self._path(name))[6]
        self._whole = False
        with open(self._path(name), "rb") as file:
            while left and self.next < end:
                record = _record(file)
                if not record or not self.next <= record[3] < end:
                    self.damaged += 1
                    record = self._beyond(file, self._size - left, self.next, end)
                    if not record:
                        self._whole = False
                        return
                    left = self._size - self._at
                topic, payload, _, self.next, done, mark = record
                left -= _SIZE + len(topic) + len(payload)
                self.first = max(self.first, done)
                if topic:
                    self.next += 1
                    self.mark = mark
                    if look:
                        look(payload)
                self._whole = left == 0

    def _beyond(self, file, at, low, end):
        """The next record behind that place, which is then _at; None if there is none."""
        from mqtt.resync import place

        at = place(file, at + 1, low, end)
        if at < 0:
            return None
        self._at = at
        file.seek(at)
        return _record(file)

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
        if self._file is None and self._whole:
            self._file = open(self._path(self._names[-1]), "ab")  # noqa: SIM115
        self._whole = False
        if self._file is None or self._size + size > self.segment:
            self._begin(not topic)
        try:
            for part in (head, topic, payload):
                self._file.write(part)
            self._file.flush()
        except OSError:
            self.errors += 1
            self._leave()  # what stands there may be no record: nothing can follow it
            raise
        self._size += size
        self._told = self.first

    def _begin(self, spare):
        """Begin a segment, if there is room for it; one more to say how far we are, if `spare`."""
        stat = os.statvfs(self.folder)
        # littlefs takes two blocks more when its list of files grows.
        room = stat[0] * (stat[3] - 2) >= self.segment + (0 if spare else self.reserve)
        if not room or len(self._names) >= self.segments + spare:
            raise OSError(_ENOSPC)
        self._leave()
        new = self.next not in self._names
        if new:
            self._names.append(self.next)
        try:
            self._file = open(self._path(self.next), "wb")  # noqa: SIM115
        except (OSError, MemoryError):
            if new:
                self._names.pop()
            raise
        self._size = 0

    def _leave(self):
        file, self._file = self._file, None
        if file:
            try:
                file.close()
            except OSError:
                self.errors += 1


def _numbers(names):
    """The numbers that names of segments stand for; other files are left alone."""
    for name in names:
        try:
            if len(name) == 8:
                yield int(name, 16)
        except ValueError:
            pass


def _record(file):
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
