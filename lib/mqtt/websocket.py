"""MQTT over WebSocket (RFC 6455), ws and wss, for networks that let nothing else through.

Imported when used. Frames are masked and cut as they are written and read, so one small buffer is
enough for packets of any size.
"""

import binascii
import hashlib
import io
import os
import select
import sys
from errno import EINVAL

from micropython import const

from mqtt.engine.base import LinkError, ProtocolError

_POLL = const(3)  # the request of MicroPython's stream protocol that select.poll makes
_ROOM = const(512)  # bytes of a frame to write at once
_HEAD = const(8)  # bytes of the header of such a frame, mask included
_LARGEST_ANSWER = const(2048)  # bytes of HTTP in a server's answer
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3

_CONTINUED = const(0)
_BINARY = const(2)
_CLOSE = const(8)
_PING = const(9)
_PONG = const(10)


def websocket(url, dial=None, headers=None, **tls_arguments):
    """Return a dialler for a broker's WebSocket.

    url: ws://host[:port][/path] or wss://...; the path is /mqtt unless given
    dial: another way to open the connection below; headers: a dict of more HTTP headers
    tls_arguments: with wss, those of mqtt.tls.tls. Raises ValueError for any other url.
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    if host[:1] == "[":  # an address of IPv6
        name, _, port = host[1:].partition("]")
        colon, port = port[:1], port[1:]
    if scheme not in ("ws", "wss") or not name or (colon and not port.isdigit()):
        raise ValueError("url %r: ws://host[:port][/path], or wss://..." % url)
    if dial is None:
        port = int(port or (443 if scheme == "wss" else 80))
        if scheme == "wss":
            from mqtt.tls import tls

            dial = tls(name, port, **tls_arguments)
        else:
            from mqtt.transport import tcp

            dial = tcp(name, port)
    lines = ["GET %s HTTP/1.1" % (slash + path or "/mqtt"), "Host: " + host]
    for key in headers or ():
        lines.append("%s: %s" % (key, headers[key]))
    request = "\r\n".join(lines)
    if "\r\n\r\n" in request or request.count("\n") != len(lines) - 1:
        raise ValueError("url or headers: a line end is not allowed in them")
    return _Dialler(dial, request)


class _Dialler:
    """Pass on the attributes of the dialler below."""

    def __init__(self, dial, request):
        self._dial = dial
        self._request = request
        self.connect_ms = getattr(dial, "connect_ms", 0)
        self.more = 0

    def __call__(self):
        try:
            stream = self._dial()
            secure = "SSL" in type(stream).__name__
            made = (_OverSSL if secure else _WebSocket)(stream, self._request)
            transport = sys.modules.get("mqtt.transport")
            if transport and transport.at and transport.at[2] == id(stream):
                transport.at[2] = id(made)  # errors name the host and the port
            return made
        finally:
            self.more = getattr(self._dial, "more", 0)


class _WebSocket(io.IOBase):
    """A stream in frames. It can be written to once the server has agreed to the protocol."""

    def __init__(self, stream, request):
        self._stream = stream
        self._poller = select.poll()
        self._poller.register(stream, select.POLLOUT)
        key = binascii.b2a_base64(os.urandom(16)).strip()
        digest = hashlib.sha1(key + _MAGIC).digest()  # type: ignore[attr-defined]
        self._accept = binascii.b2a_base64(digest).strip()
        self._out = bytearray(_HEAD + _ROOM)
        # What is to leave: bytes _at to _end of _data.
        self._data = (
            request
            + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
            + "\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: %s\r\n\r\n" % key.decode()
        ).encode()
        self._at = 0
        self._end = len(self._data)
        self._answer = b""  # what has come of the server's answer; None once it has agreed
        self._error = None  # what went wrong while it was polled
        self._head = bytearray(10)
        self._view = memoryview(self._head)
        self._held = 0  # bytes of _head that have come
        self._left = 0  # bytes of payload of a data frame that are to come
        self._wait = 0  # bytes of a control frame that are to come

    # --- what a client calls

    def ioctl(self, request, flags):
        """select.poll asks here what can be done now."""
        if request != _POLL:
            return -EINVAL  # among others to the one that asks for a file's number
        ready = 0
        for _, events in self._poller.ipoll(0):
            ready = events
        try:
            if ready and self._answer is not None:
                self._agree()
            else:
                self._flush()
        except (OSError, ValueError) as error:
            self._error = error
        if self._error:
            return flags  # the next read or write raises it
        if self._answer is not None:
            return 0
        return ready & (flags | select.POLLHUP | select.POLLERR)

    def write(self, data, at, n):
        """Put up to n bytes into one frame; returns how many, None if there is no room yet."""
        self._check()
        if self._flush():
            n = min(n, _ROOM)
            self._frame(_BINARY, data, at, n)
            self._flush()
            return n

    def readinto(self, buffer, n):
        """Read from the frames; returns how many bytes, None if there are none, 0 at the end."""
        self._check()
        self._flush()
        while not self._left:
            got = self._header()
            if not got:
                return got
        got = self._stream.readinto(buffer, min(n, self._left))
        if got:
            self._left -= got
        return got

    def close(self):
        """Say goodbye, as far as there is room, and close."""
        try:
            if self._answer is None and self._flush():
                self._frame(_CLOSE, b"\x03\xe8", 0, 2)
                self._flush()
        except (OSError, ValueError):
            pass  # it has ended already
        self._poller.unregister(self._stream)
        self._stream.close()

    # --- the handshake, RFC 6455 4.1

    def _check(self):
        if self._error:
            raise self._error

    def _agree(self):
        """Send the request, and take in the answer."""
        if not self._flush():
            return
        self._poller.modify(self._stream, select.POLLIN)
        piece = bytearray(64)
        got = self._stream.readinto(piece, 64)
        if got is None:
            return
        self._answer += piece[:got]
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if not end:
            if not got or len(head) > _LARGEST_ANSWER:
                raise LinkError("WebSocket: the server does not agree")
            return
        lines = head.split(b"\r\n")
        told = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            told[bytes(name).lower()] = bytes(value).strip()
        if b" 101" not in lines[0][:13]:
            raise LinkError("WebSocket: the server answers %r" % bytes(lines[0]))
        if told.get(b"sec-websocket-accept") != self._accept or rest:
            raise ProtocolError("WebSocket: the server's answer is not for us")
        if told.get(b"sec-websocket-protocol") != b"mqtt":
            raise LinkError("WebSocket: the server does not speak mqtt there")
        self._answer = None
        self._poller.modify(self._stream, select.POLLIN | select.POLLOUT)

    # --- frames, RFC 6455 5.2

    def _flush(self):
        """Write on; True if nothing waits to be written."""
        while self._at < self._end:
            n = self._stream.write(self._data, self._at, self._end - self._at)
            if not n:
                return False
            self._at += n
        return True

    def _frame(self, kind, data, at, n):
        """Make a frame of n bytes of data. What a client sends is masked. RFC 6455 5.3"""
        out = self._out
        mask = os.urandom(4)
        body = _HEAD
        head = body - 6 if n < 126 else body - 8
        out[head] = 0x80 | kind
        if n < 126:
            out[head + 1] = 0x80 | n
        else:
            out[head + 1] = 0x80 | 126
            out[head + 2] = n >> 8
            out[head + 3] = n & 255
        out[body - 4 : body] = mask
        for i in range(n):
            out[body + i] = data[at + i] ^ mask[i & 3]
        self._data = out
        self._at = head
        self._end = body + n

    def _header(self):
        """Take in the header of a frame, and of a control frame all; True when it is done.

        None where more is to come, 0 at the end of the stream.
        """
        head = self._head
        if not self._wait:
            need = 2
            if self._held >= 2:
                need += (0, 2, 8)[max(0, head[1] - 125)]
            if self._held < need:
                got = self._stream.readinto(self._view[self._held :], need - self._held)
                if not got:
                    return got
                self._held += got
                if self._held == 2:
                    self._begins(head[0], head[1])
                return True
            self._held = 0
            size = head[1]
            if size > 125:
                size = int.from_bytes(head[2:need], "big")
            if head[0] & 8:
                self._wait = size + 1
                self._control = bytearray(size)
                self._size = 0
            else:
                self._left = size
            return True
        if self._wait > 1:
            view = memoryview(self._control)[self._size :]
            got = self._stream.readinto(view, self._wait - 1)
            if not got:
                return got
            self._wait -= got
            self._size += got
            return True
        self._wait = 0
        kind = head[0] & 15
        if kind == _CLOSE:
            return 0
        if kind == _PING and self._flush():
            self._frame(_PONG, self._control, 0, len(self._control))
            self._flush()
        return True

    def _begins(self, first, second):
        """The first two bytes of a frame are here: ProtocolError if a server may not send them."""
        kind = first & 15
        control = first & 0x88 == 0x88 and kind <= _PONG and second < 126
        if first & 0x70 or second & 0x80 or not (control or kind in (_CONTINUED, _BINARY)):
            raise ProtocolError("WebSocket: frame 0x%02x 0x%02x" % (first, second))


class _OverSSL(_WebSocket):
    """The same over TLS; engine.reach knows that by the name."""
