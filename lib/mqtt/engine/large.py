"""A packet larger than the buffer, passing through it. Imported when one comes, and not before."""

import io
from time import ticks_diff

from mqtt.engine.base import ProtocolError
from mqtt.engine.inbox import parse


class Large:
    """A PUBLISH of `size` bytes, the first of which fill the buffer.

    Piece after piece goes to a sink, if on_large gave one. What the sink raises costs the message
    and not the connection. Either of them may end the connection: then core.large is no longer
    this packet, and nothing of the core is touched any more. Only its identifier is held, as
    core.pid.
    need: bytes to read next
    """

    def __init__(self, core, size):
        self._core = core
        self._first = first = core.rx[0]
        room = len(core.rx)
        if first & 0xF0 != 0x30:
            raise ProtocolError("packet 0x%02x of %d bytes; %d fit" % (first, size, room))
        self.sink = None
        self._left = size - room
        parse(core, first, room)
        at = core.payload_at
        # If the topic is longer than the buffer: how much of it is to come before the identifier.
        self._gap = core.body + 2 + core.number(core.body) - room
        if self._gap == -1:
            core.pid = core.rx[room - 1]
        if at <= room and core.on_large and core.pid not in core.unreleased:
            self._topic = core.topic
            core.large = self
            try:
                topic = str(self._topic, "utf-8")
                self.sink = core.on_large(topic, core.end - at, bool(first & 1))
            except Exception as error:
                core.caught(error)
            if core.large is not self:
                self.abort()
                return
        core.large = self
        self._piece(at)

    def passed(self, now):
        """A piece has arrived; returns the packet's first byte plus 0x100 if it was the last."""
        core = self._core
        held = core.held
        self._left -= held
        if self._first & 6:
            for at in (self._gap, self._gap + 1):
                if 0 <= at < held:
                    core.pid = core.pid << 8 | core.rx[at]
            self._gap -= held
        self._piece(0)
        if self._left or core.large is not self:
            return 0
        core.excuse(ticks_diff(now, core.began))
        core.began = None
        return self._first | 0x100

    def _piece(self, at):
        """Give the sink what the buffer holds from `at` on; then the next piece may come."""
        core = self._core
        if self.sink:
            try:
                self.sink.write(core.view[at : core.held])
            except Exception as error:
                core.caught(error)
                self.abort()
            if core.large is not self:
                return
        core.held = 0
        self.need = min(self._left, len(core.rx))

    def deliver(self, new):
        """All of it has passed: deliver what the sink's close() returned, or the sink.

        new: False for a duplicate. One without a sink, and not a duplicate, is counted as skipped.
        """
        core = self._core
        if not (new and self.sink):
            core.skipped += new
            return
        try:
            payload = self.sink.close() or self.sink
        except Exception as error:
            core.caught(error)
        else:
            core.deliver(self._topic, payload, self._first & 1)

    def abort(self):
        """The message is cut short: call the sink's abort(), or close() if it has none."""
        sink, self.sink = self.sink, None
        if sink:
            try:
                getattr(sink, "abort", sink.close)()
            except Exception as error:
                self._core.caught(error)


class Whole:
    """A sink that keeps a message of `size` bytes of payload in RAM."""

    def __init__(self, size):
        self._out = io.BytesIO(size)
        self.write = self._out.write

    def close(self):
        """Return the message."""
        return self._out.getvalue()
