"""One request to the access point's page, as far as it has come, and its answer.

Nothing of a request is kept but its first line, the length of its body, and the body of a form. So
one of any length takes no more RAM than a short one, until its time is over.
"""

import errno
import select
from time import ticks_diff, ticks_ms

from micropython import const

from node.overlay import call

_TIME_MS = const(10_000)
_PIECE = const(256)  # bytes that are read or written at a time
_LINE = const(80)  # bytes of a line that matter
_BODY = const(1024)  # of a form: all its fields at their longest, each byte as %41, take less


class Request:
    """A connection. `out` has the texts of the answer, once there is one."""

    def __init__(self, stream, poller):
        self.stream = stream
        self.poller = poller
        self.began = ticks_ms()
        self.line = b""  # what has come of the present line
        self.first = None  # the first line, in bytes
        self.left = -1  # bytes of the body that are to come; -1: its length isn't known
        self.body = b""
        self.wrong = False  # the length makes no sense, or is too much
        self.out = None
        self.sent = 0  # bytes of out[0]
        poller.register(stream, select.POLLIN)

    def late(self):
        """Return whether its time is over."""
        return ticks_diff(ticks_ms(), self.began) > _TIME_MS

    def go_on(self, what, offer):
        """Read or write what can be; return whether there is more to do."""
        try:
            if self.out is not None:
                return self._write()
            if not what & select.POLLIN:
                return False  # it has broken off
            data = self.stream.recv(_PIECE)
            if not data:
                return False
            if self._take(data):
                self.out = call("provision", "routes", "answer", offer, self)
                self.line = self.first = self.body = None
                self.poller.modify(self.stream, select.POLLOUT)
            return True
        except OSError as error:
            return error.errno == errno.EAGAIN
        except Exception as error:  # MemoryError, above all; only this request fails
            print("Petrel: page:", str(error) or type(error).__name__)
            return False

    def _take(self, data):
        """Take what has come; return whether the request is complete."""
        while self.left < 0:
            end = data.find(b"\n")
            self.line += data[: end if end >= 0 else len(data)][: _LINE - len(self.line)]
            if end < 0:
                return False
            data = data[end + 1 :]
            line, self.line = self.line.strip(), b""
            if not line:
                if self.first:
                    self._begin_body()
                # Else: empty lines may come before the first one.
            elif self.first is None:
                self.first = line
            elif line[:15].lower() == b"content-length:":
                self._length(line[15:].strip())
        if not self.wrong:
            self.body += data[: self.left]
        self.left -= min(self.left, len(data))
        return not self.left

    def _length(self, text):
        if text.isdigit() and len(text) < 9:
            self.sent = int(text)  # until the body begins
            self.wrong = self.wrong or self.sent > _BODY
        else:
            self.wrong = True

    def _begin_body(self):
        self.left = self.sent
        self.sent = 0

    def _write(self):
        text = memoryview(self.out[0])
        count = self.stream.write(text[self.sent : self.sent + _PIECE])
        if count is None:  # no room
            return True
        self.sent += count
        if self.sent == len(text):
            self.sent = 0
            self.out.pop(0)
        return bool(self.out)
