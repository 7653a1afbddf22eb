"""The wire: MQTT 3.1.1 control packets, written into a caller's stream. Pure functions, no I/O.

`out` is any seekable byte stream, in practice one io.BytesIO that a client makes once: its `write`
takes str and bytes alike at the speed of C and allocates nothing while the packet fits. The body
is written first, behind a gap as long as the longest fixed header; the header is then put directly
before it, so that no length has to be known beforehand. Every encoder returns the offset at which
its packet starts and leaves the stream standing at its end.
"""

from micropython import const

_GAP = const(5)  # one byte of type, four of remaining length

_byte = bytearray(1)
_two = bytearray(2)


class LinkError(OSError):
    """The connection is gone, or the broker does not answer: connect again."""


class ProtocolError(LinkError):
    """The broker sent what MQTT forbids; the connection was closed. Connect again."""


class Refused(Exception):
    """The broker refused the connection: mend the configuration.

    `code` is the return code of its CONNACK (MQTT 3.2.2.3); str() says it in words.
    """

    code = 0


def encode(out, first, fields):
    """Encode a packet of `fields`: an int is one byte, str and bytes follow their length."""
    out.seek(_GAP)
    for field in fields:
        if isinstance(field, int):
            _byte[0] = field
            out.write(_byte)
        else:
            _text(out, field)
    return _head(out, first, 0)


def publish(out, topic, pid, flags, payload_size):
    """Encode PUBLISH up to its payload, which the caller writes, or sends, directly behind it.

    `flags` are the low bits of the first byte: DUP 8, QoS 2 or 4, RETAIN 1.
    """
    out.seek(_GAP)
    _text(out, topic)
    if flags & 6:
        _two[0] = pid >> 8
        _two[1] = pid & 0xFF
        out.write(_two)
    return _head(out, 0x30 | flags, payload_size)


def _text(out, text):
    at = out.tell()
    out.seek(at + 2)
    size = out.write(text)
    if size > 0xFFFF:
        raise ValueError("%d bytes in one field; MQTT allows 65535" % size)
    _two[0] = size >> 8
    _two[1] = size & 0xFF
    out.seek(at)
    out.write(_two)
    out.seek(at + 2 + size)


def _head(out, first, after):
    """Put the fixed header before the body that ends here, `after` bytes of payload to follow."""
    end = out.tell()
    left = length = end - _GAP + after
    start = _GAP - 2
    while left > 127:
        start -= 1
        left >>= 7
    if start < 0:
        raise ValueError("packet of %d bytes; MQTT allows 268435455" % length)  # MQTT 2.2.3
    out.seek(start)
    for _ in range(start, _GAP):
        _byte[0] = first
        out.write(_byte)
        first = length & 127 | (128 if length > 127 else 0)
        length >>= 7
    out.seek(end)
    return start
