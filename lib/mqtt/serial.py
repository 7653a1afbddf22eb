"""MQTT in frames over a serial line: USB or a UART. A bridge at the other end leads to the broker.

Imported when used. Each end sends one frame and waits for its acknowledgement, which says that the
data was taken and the room for the next is free; it is sent again until that comes. So bytes that
the line loses or damages cost time alone, and a large message needs no large buffer. What is
printed meanwhile goes over the same line, between the frames. docs/serial.md has the format.
"""

import io
import os
from errno import EINVAL
from time import ticks_diff, ticks_ms

from micropython import const

from mqtt.engine.base import LinkError
from mqtt.engine.frames import Frame, room

_POLL = const(3)  # the request of MicroPython's stream protocol that select.poll makes
_POLLIN = const(1)
_POLLOUT = const(4)
_AGAIN_MS = const(500)  # a frame that was not acknowledged is sent again
_AT = const(6)  # where the data of a frame begins
_RAW = const(64)

# From the board, and in small letters from the bridge, so that an echo is never taken for it.
_OPEN = const(0x4F)  # O
_DATA = const(0x44)  # D
_TAKEN = const(0x41)  # A
_CLOSE = const(0x43)  # C
_OPENED = const(0x6F)
_REFUSED = const(0x72)
_DATA_IN = const(0x64)
_TAKEN_IN = const(0x61)
_CLOSED = const(0x63)
_TIME = const(0x74)


def serial(port, size=128, on_time=None):
    """Return a dialler for the bridge on a port: a pyb.USB_VCP, a machine.UART with timeout=0.

    port: anything with MicroPython's readinto(buf, n) and write(buf, offset, n), neither of which
    may wait; both return None or 0 where there is nothing, or no room. It stays open when the
    connection ends. It has to hold engine.frames.room(size) + 24 bytes that arrive while the
    program is at something else.
    size: most bytes of data in a frame, 16 to 255; on_time(seconds): called with the bridge's
    time, since 1970, when a connection stands, and every hour from then on
    Several connections, one after the other, share its buffers. `line` of the dialler, a Line, has
    the counters. Raises ValueError for another size.
    """
    if not 16 <= size <= 255:
        raise ValueError("size %r; 16 to 255 bytes in a frame" % size)
    return Line(port, size, on_time).dial


class Line(io.IOBase):
    """The stream that dial() returns, made once for a port; see serial().

    Counters: again, frames that had to be sent again; ignored, good frames that were of no
    connection, or came twice; frame.damaged and frame.strays, see engine.frames
    """

    def __init__(self, port, size, on_time):
        self.again = self.ignored = 0
        self.frame = Frame(size)
        self._port = port
        self._size = size
        self._on_time = on_time
        self._made = Frame(size)
        self._raw = bytearray(_RAW)
        self._sent = bytearray(room(size))  # the frame that waits for its acknowledgement
        self._short = bytearray(room(1))
        self._came = bytearray(len(self.frame.data))  # the frame whose data was not read yet
        self._connection = int.from_bytes(os.urandom(3), "big")
        self._reset()

    def _reset(self):
        self._open = False  # the bridge has reached the broker
        self._error = None  # why the connection ended
        self._waiting = True  # for an acknowledgement, or for the answer to OPEN
        self._number = 0  # of the frame that waits, or is sent next
        self._since = ticks_ms()  # when the port took the last of it
        self._length = 0  # of the whole frame
        self._expected = 0  # the number of the frame that comes next
        self._owed = -1  # the number of one to be acknowledged
        self._left = self._read_at = 0  # of the data that came
        # What is being written: bytes _at to _end of _out.
        self._out = self._sent
        self._at = self._end = 0

    def dial(self):
        """Begin a connection; returns this stream, which can be written to once it stands."""
        self._reset()
        self._connection = self._connection % 0xFFFFFF + 1  # never 0, which means all
        self._short[0] = self._size
        self._begin(_OPEN, self._short, 0, 1)
        return self

    # --- what a client calls

    def ioctl(self, request, flags):
        """select.poll asks here what can be done now; this is also what keeps the line going."""
        if request != _POLL:
            return -EINVAL  # among others to the one that asks for a file's number
        try:
            self._step()
        except OSError as error:
            self._error = error
        if self._error:
            return flags  # the next read or write raises it
        ready = _POLLIN if self._left else 0
        if self._open and not self._waiting:
            ready |= _POLLOUT
        return ready & flags

    def readinto(self, buffer, n):
        """Read what came; returns how many bytes, None if there are none yet."""
        if not self._left:
            self._step()
        n = min(n, self._left)
        if not n:
            self._check()
            return None
        at = self._read_at
        came = self._came
        for i in range(n):
            buffer[i] = came[at + i]
        self._read_at = at + n
        self._left -= n
        if not self._left:  # now there is room for the next
            self._owed = self._expected - 1 & 255
            self._step()
        return n

    def write(self, data, at, n):
        """Send up to n bytes in one frame; returns how many, None while the last one waits."""
        self._step()
        self._check()
        if self._waiting or not self._open or self._at < self._end:
            return None
        n = min(n, self._size)
        self._begin(_DATA, data, at, n)
        return n

    def close(self):
        """Say goodbye, as far as there is room; the port stays open."""
        try:
            if self._error is None and self._flush():
                self._say(_CLOSE, 0)
        except OSError:
            pass  # it has ended already
        self._open = False

    # --- the line

    def _check(self):
        if self._error:
            raise self._error

    def _begin(self, kind, data, at, n):
        """Send a frame that has to be acknowledged."""
        self._length = self._made.make(
            self._sent, kind, self._connection, self._number, data, at, n
        )
        self._waiting = True
        self._send()

    def _send(self):
        """Write the frame that waits. Nothing else is being written."""
        self._out = self._sent
        self._at = 0
        self._end = self._length
        self._flush()

    def _say(self, kind, number):
        """Write a frame without data, which is not acknowledged."""
        self._out = self._short
        self._at = 0
        self._end = self._made.make(self._short, kind, self._connection, number, b"", 0, 0)
        self._flush()

    def _flush(self):
        """Write on; True if nothing is left to be written."""
        while self._at < self._end:
            n = self._port.write(self._out, self._at, self._end - self._at)
            if not n:
                return False
            self._at += n
            if self._out is self._sent:
                self._since = ticks_ms()
        return True

    def _step(self):
        """Do all that can be done now: write on, take in what came, answer, send again."""
        if self._error:
            return
        free = self._flush()
        n = self._port.readinto(self._raw, _RAW) or 0
        at = 0
        frame = self.frame
        while at < n:
            at = frame.take(self._raw, at, n)
            if frame.whole:
                self._arrived(frame)
        if free and self._owed >= 0:
            number, self._owed = self._owed, -1
            self._say(_TAKEN, number)
        elif (
            # The ticks wrap: after days in which nobody looked, the difference may be negative.
            free and self._waiting and not 0 <= ticks_diff(ticks_ms(), self._since) <= _AGAIN_MS
        ):
            self.again += 1
            self._send()

    def _arrived(self, frame):
        kind = frame.kind
        number = frame.number
        if frame.connection != self._connection:
            if kind == _CLOSED and not frame.connection and self._open:
                self._error = LinkError("the bridge was started again")
            else:
                self.ignored += 1  # of an earlier connection
        elif kind == _TAKEN_IN and self._open and self._waiting and number == self._number:
            self._waiting = False
            self._number = number + 1 & 255
        elif kind == _DATA_IN and self._open:
            self._data(frame, number)
        elif kind == (_TIME if self._open else _OPENED):
            if not self._open:
                self._open = True
                self._waiting = False
            if self._on_time and frame.length == 4:
                self._on_time(int.from_bytes(frame.data[_AT : _AT + 4], "big"))
        elif kind == _CLOSED:
            self._error = LinkError("the bridge closed the connection")
        elif kind == _REFUSED and not self._open:
            text = frame.data[_AT : _AT + frame.length]
            self._error = LinkError("the bridge: " + str(text, "utf-8"))
        else:
            self.ignored += 1

    def _data(self, frame, number):
        """Three cases: the next one; the last one again; one that cannot be, and comes again."""
        if number == self._expected and not self._left and self._owed < 0:
            self._came, frame.data = frame.data, self._came
            self._read_at = _AT
            self._left = frame.length
            self._expected = number + 1 & 255
            return
        self.ignored += 1
        if number == self._expected - 1 & 255 and not self._left:
            self._owed = number
