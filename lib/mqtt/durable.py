"""An outbox that survives power cuts: what it takes is on the flash until it is acknowledged.

    client = Client(broker, "me", clean=False, queue=Durable("outbox"))

Messages are stored in a journal (see engine.journal) before they are taken, and sent from RAM. Of
a backlog, as many as fill half the places are in RAM; the others follow as places become free.
After a restart messages are sent in the same order with the same identifiers, and with DUP if
they may have been sent before, unless the broker has lost the session. An identifier follows
from a message's number and is stored with it, so messages that aren't kept leave gaps.
"""

import os
from array import array

from micropython import const

from mqtt.engine.core import Outbox
from mqtt.engine.journal import Journal

_NEWEST = const(64)  # flag of what hold() had taken before the start
_PIDS = const(65534)  # see engine.core


class Durable(Outbox):
    """An Outbox of at most `limit` messages in RAM, 2 or more, and what the flash has room for.

    folder, segments, segment, reserve: see engine.journal.Journal; it takes at most about
    `segments` * `segment` bytes. You can give a Journal instead. A message for which there is no
    room is refused and counted.
    keep: False while you put messages that need no flash: they are held only in RAM, unless it is
    full, or messages that are only on the flash have to go first
    restored: messages from before the start; journal.errors, journal.damaged: counts
    """

    keep = True
    newest: tuple = ()  # topics of which only the newest message counts, see hold()
    on_read = None  # on_read(payload) may change the payload of what is read from the flash

    def __init__(self, folder="outbox", limit=32, segments=16, segment=4096, reserve=16_384):
        super().__init__(limit)
        journal = folder
        if isinstance(folder, str):
            journal = Journal(folder, segments, segment, reserve)
        self.journal = journal
        self._share = limit // 2
        # Of each place: the number in the journal, from 1 on; 0 for what is in RAM only.
        self._kept = array("I", (0 for _ in range(limit)))
        # Sent before the start were at most those in RAM then; the flash may not know of a few.
        self._old = 0
        self._pids = array("H", (0 for _ in range(limit)))
        # Identifiers run ahead of numbers by those that were not kept: they go on behind the last
        # that is known, and those that may have followed it in RAM.
        self._ahead = (journal.mark - journal.next + limit) % _PIDS if journal.mark else 0
        self.removed = journal.first
        self._fill()
        self.restored = self.count
        self._old = journal.first + self._share + 8
        try:
            os.stat(journal.folder + "-aside")
        except OSError:
            return  # nothing was set aside
        from mqtt.engine.aside import restore

        restore(self)

    def waiting(self):
        """Return the number of messages held, in RAM and on the flash."""
        return self.count + self.journal.next - self.journal.unread

    def put(self, topic, payload, flags):
        """Take a message; return its number, or None if there is no room, and count it as refused.

        Raises ValueError if it is larger than a segment.
        """
        journal = self.journal
        behind = journal.unread < journal.next or self.count == self.limit
        if not self.keep and not behind:
            return self._held(topic, payload, flags, 0)
        direct = journal.unread == journal.next and self.count < self._share
        try:
            if not direct:
                self._settle()
            number = self.removed + self.waiting()
            journal.append(topic, payload, flags, self._pid(number))
        except OSError:
            self.refused += 1
            return None
        if direct:
            journal.skip()
            return self._held(topic, payload, flags, journal.unread)
        self._fill()
        return number

    def hold(self, topic, payload, flags):
        """Take a message into RAM only; a later one of its topic will replace it there.

        One from before the start that is still on the flash is skipped.
        """
        if self.count == self.limit:
            self.refused += 1
            return None
        if topic not in self.newest:
            self.newest += (topic,)
        return self._held(topic, payload, flags, 0)

    def get(self, index):
        """As in engine.core."""
        super().get(index)
        self.pid = self._pids[(self.removed + index) % self.limit]

    def index(self, pid):
        """Return how far behind the head the message with that identifier is; `limit` for none."""
        for index in range(self.count):
            if self._pids[(self.removed + index) % self.limit] == pid:
                return index
        return self.limit

    def pop(self):
        """Remove the message at the head, and let the journal's next one follow."""
        place = self.removed % self.limit
        super().pop()
        journal = self.journal
        if self._kept[place]:
            self._kept[place] = 0
            try:
                journal.done(self._oldest())
            except OSError:
                journal.errors += 1
            except MemoryError:
                pass  # a segment that is done goes with the next message
        self._fill()

    def in_journal(self, number):
        """Return whether that message, which is in RAM, is on the flash too."""
        return self._kept[number % self.limit] > 0

    def close(self):
        """Write to the flash what was acknowledged; call this before you switch the power off."""
        self.journal.close()

    def _oldest(self):
        """Return the journal's number of the first message that isn't done."""
        oldest = self.journal.unread
        for i in range(self.removed, self.removed + self.count):
            number = self._kept[i % self.limit]
            if number:
                oldest = min(oldest, number - 1)
        return oldest

    def _settle(self):
        """Store what is only in RAM, before the first message that is only on the flash.

        This keeps the order over a restart, which puts what is only in RAM last.
        """
        journal = self.journal
        if journal.unread < journal.next:
            return
        for number in range(self.removed, self.removed + self.count):
            if not self.in_journal(number):
                self.get(number - self.removed)
                if self.topic in self.newest:
                    continue  # it may still be replaced
                journal.append(self.topic, self.payload, self.flags, self.pid)
                journal.skip()
                self._kept[number % self.limit] = journal.unread

    def _pid(self, number):
        return (number + self._ahead) % _PIDS + 1

    def _held(self, topic, payload, flags, kept, pid=0):
        """Put a message into RAM; kept: its number in the journal, from 1, or 0."""
        number = super().put(topic, payload, flags)
        self._kept[number % self.limit] = kept
        self._pids[number % self.limit] = pid or self._pid(number)
        return number

    def _fill(self):
        """Read on in the journal while there is room."""
        journal = self.journal
        try:
            while self.count < self._share:
                message = journal.read()
                if not message:
                    return
                topic, payload, flags = message
                if flags & _NEWEST:
                    flags -= _NEWEST
                    if str(topic, "utf-8") in self.newest:
                        journal.done(self._oldest())
                        continue
                if self.on_read:
                    try:
                        payload = self.on_read(payload)
                    except Exception:
                        pass  # better unchanged than not at all
                old = journal.unread <= self._old
                self._held(
                    topic, payload, flags | 8 if old else flags, journal.unread, journal.mark
                )
        except OSError:
            journal.errors += 1
