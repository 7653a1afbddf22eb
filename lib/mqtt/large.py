"""A packet larger than the buffer, passing through it. Imported when one comes, and not before."""

import io
import sys
from time import ticks_diff

from mqtt.packet import ProtocolError


class Large:
    """A PUBLISH of `size` bytes, with the first of which the buffer is full.

    Piece after piece goes to a sink, if on_large gave one. What the sink raises costs the message
    and not the connection. Either of them may end the connection: then incoming.large is no longer
    this packet, and nothing of `incoming` is touched any more.
    """

    def __init__(self, incoming, size):
        self.first = first = incoming.buffer[0]
        room = len(incoming.buffer)
        if first & 0xF0 != 0x30:
            raise ProtocolError("packet 0x%02x of %d bytes; %d fit" % (first, size, room))
        self.sink = None
        on_large = incoming.on_large
        self._caught = sys.print_exception
        if isinstance(on_large, tuple):
            on_large, self._caught = on_large
        self._left = size - room
        incoming.opened(first, room)
        at = incoming.payload_at
        # A topic longer than the buffer: so much of it is to come, and the identifier behind it.
        self._gap = incoming.topic_end - room
        if self._gap == -1:
            incoming.pid = incoming.buffer[room - 1]
        if at <= room and on_large and incoming.pid not in incoming.unreleased:
            self.topic = incoming.topic()
            incoming.large = self
            try:
                self.sink = on_large(str(self.topic, "utf-8"), incoming.end - at, bool(first & 1))
            except Exception as error:
                self._caught(error)
            if incoming.large is not self:
                self.abort()
                return
        incoming.large = self
        self._piece(incoming, at)

    def passed(self, incoming, now):
        """A piece has arrived; returns the packet's first byte plus 0x100 if it was the last."""
        held = incoming.held
        self._left -= held
        if self.first & 6:
            for at in (self._gap, self._gap + 1):
                if 0 <= at < held:
                    incoming.pid = incoming.pid << 8 | incoming.buffer[at]
            self._gap -= held
        self._piece(incoming, 0)
        if self._left or incoming.large is not self:
            return 0
        incoming.busy += ticks_diff(now, incoming.began)
        incoming.began = None
        incoming.need = len(incoming.buffer)
        return self.first | 0x100

    def _piece(self, incoming, at):
        """What stands in the buffer from `at` on goes to the sink; the next piece may come."""
        if self.sink:
            try:
                self.sink.write(incoming.view[at : incoming.held])
            except Exception as error:
                self._caught(error)
                self.abort()
            if incoming.large is not self:
                return
        incoming.held = 0
        incoming.into = incoming.buffer
        incoming.need = min(self._left, len(incoming.buffer))

    def close(self):
        """Close the sink; `payload` is what that returned, or the sink; None if that failed."""
        self.payload = None
        if self.sink:
            try:
                self.payload = self.sink.close() or self.sink
            except Exception as error:
                self._caught(error)

    def abort(self):
        """The message is cut short: tell the sink so, or if it does not want to know, close it."""
        sink, self.sink = self.sink, None
        if sink:
            try:
                getattr(sink, "abort", sink.close)()
            except Exception as error:
                self._caught(error)


class Whole:
    """A sink that keeps a message of `size` bytes of payload in RAM."""

    def __init__(self, size):
        self._out = io.BytesIO(size)
        self.write = self._out.write

    def close(self):
        """Return the message."""
        return self._out.getvalue()
