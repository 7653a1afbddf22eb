# heap: 512K
"""Frames of RFC 6455, byte by byte, over a stream in the test's hand."""

import binascii
import hashlib
import io
import select

from wire import raises

from mqtt.engine.base import LinkError, ProtocolError
from mqtt.websocket import websocket

_POLL = 3


class Far(io.IOBase):
    """The far end: takes `room` bytes at a time, gives what stands in `data`, `step` at a time."""

    def __init__(self):
        self.sent = bytearray()
        self.data = bytearray()
        self.room = 10_000  # bytes that it takes in one write
        self.most = 10_000  # and in all
        self.step = 10_000
        self.ended = self.closed = False

    def ioctl(self, request, flags):
        ready = select.POLLOUT if self.room else 0
        return flags & (ready | (select.POLLIN if self.data or self.ended else 0))

    def write(self, data, at, n):
        n = min(n, self.room, self.most - len(self.sent))
        self.sent += data[at : at + n]
        return n or None

    def readinto(self, buffer, n):
        n = min(n, len(self.data), self.step)
        if not n:
            return 0 if self.ended else None
        buffer[:n] = self.data[:n]
        self.data = self.data[n:]
        return n

    def close(self):
        self.closed = True


def ready(stream):
    return stream.ioctl(_POLL, select.POLLOUT) & select.POLLOUT


def answer(far, protocol=b"mqtt", status=b"101 Switching Protocols", accept=None):
    """What a server answers to the request that was sent."""
    at = far.sent.find(b"Sec-WebSocket-Key: ") + 19
    key = bytes(far.sent[at : far.sent.find(b"\r\n", at)])
    magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    if accept is None:
        accept = binascii.b2a_base64(hashlib.sha1(key + magic).digest()).strip()
    return (
        b"HTTP/1.1 " + status + b"\r\nUpgrade: WebSocket\r\nsec-websocket-accept: " + accept
        + b"\r\nSec-WebSocket-Protocol: " + protocol + b"\r\n\r\n"
    )  # fmt: skip


def opened():
    far = Far()
    stream = websocket("ws://host/path", lambda: far)()
    ready(stream)
    far.data += answer(far)
    for _ in range(20):
        ready(stream)
    assert ready(stream)
    far.sent = bytearray()
    return far, stream


def unmasked(frame):
    """The kind and payload of one masked frame."""
    size, at = frame[1] & 127, 2
    if size == 126:
        size, at = frame[2] << 8 | frame[3], 4
    assert frame[1] & 0x80 and len(frame) == at + 4 + size
    mask = frame[at : at + 4]
    return frame[0], bytes(byte ^ mask[i & 3] for i, byte in enumerate(frame[at + 4 :]))


def test_url():
    for url in ("http://a", "ws:/a", "ws://", "ws://a:b", "a"):
        assert url in str(raises(ValueError, websocket, url))
    raises(ValueError, websocket, "ws://a/b\r\nc", print)
    raises(ValueError, websocket, "ws://a", print, {"k": "v\r\n\r\n"})


def test_request():
    # [MQTT5-6.0.0-3]
    far = Far()
    stream = websocket("ws://host:81/path", lambda: far, {"Authorization": "Bearer x"})()
    assert not ready(stream)
    lines = bytes(far.sent).decode().split("\r\n")
    assert lines[:3] == ["GET /path HTTP/1.1", "Host: host:81", "Authorization: Bearer x"]
    for line in ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: mqtt"):  # fmt: skip
        assert line in lines
    assert lines[-2:] == ["", ""]


def test_answer_in_pieces():
    far = Far()
    far.room = 7
    far.step = 3
    stream = websocket("ws://host", lambda: far)()
    for _ in range(60):
        assert not ready(stream)
    far.data += answer(far)
    for _ in range(200):
        ready(stream)
    assert ready(stream)


def test_bad_answers():
    for arguments in (
        {"protocol": b"chat"}, {"status": b"403 Forbidden"}, {"accept": b"x"},
        {"status": b"200 OK"}, {"status": b"200 101"},
    ):  # fmt: skip
        far = Far()
        stream = websocket("ws://host", lambda far=far: far)()
        ready(stream)
        far.data += answer(far, **arguments)
        for _ in range(20):
            last = ready(stream)
        assert last, "nobody would notice"
        raises(LinkError, stream.write, b"x", 0, 1)
        raises(LinkError, stream.readinto, bytearray(1), 1)
        stream.close()
        assert far.closed


def test_an_answer_without_end_or_an_end_without_answer():
    for data, ended in ((b"HTTP/1.1 101 \r\n" + b"x" * 4000, False), (b"HTTP", True), (b"", True)):
        far = Far()
        stream = websocket("ws://host", lambda far=far: far)()
        ready(stream)
        far.data += data
        far.ended = ended
        for _ in range(100):
            last = ready(stream)
        assert last
        raises(LinkError, stream.write, b"x", 0, 1)


def test_frames_are_masked_and_whole():
    # [MQTT5-6.0.0-1]
    for size in (1, 125, 126, 512):
        far, stream = opened()
        data = bytes(number & 255 for number in range(size + 3))
        assert stream.write(data, 3, size) == size
        assert unmasked(far.sent) == (0x82, data[3:])


def test_a_large_packet_takes_several_frames():
    far, stream = opened()
    assert stream.write(bytes(1000), 0, 1000) == 512


def test_masks_differ():
    far, stream = opened()
    masks = set()
    for _ in range(8):
        far.sent = bytearray()
        stream.write(b"abcd", 0, 4)
        masks.add(bytes(far.sent[2:6]))
    assert len(masks) > 6


def test_what_the_stream_does_not_take_leaves_later():
    far, stream = opened()
    far.most = 5
    assert stream.write(b"hello world", 0, 11) == 11
    assert len(far.sent) == 5
    assert stream.write(b"more", 0, 4) is None
    far.most = 10_000
    ready(stream)  # who waits for something else lets it leave as well
    assert len(far.sent) == 17
    assert stream.write(b"more", 0, 4) == 4
    assert unmasked(far.sent[:17]) == (0x82, b"hello world")
    assert unmasked(far.sent[17:]) == (0x82, b"more")


def read_all(stream, size=4):
    got = b""
    buffer = bytearray(size)
    while True:
        n = stream.readinto(buffer, size)
        if not n:
            return got, n
        got += bytes(buffer[:n])


def test_frames_become_a_stream():
    # [MQTT5-6.0.0-2]
    for step in (1, 2, 3, 10_000):
        far, stream = opened()
        far.step = step
        far.data += b"\x82\x05hello" + b"\x82\x00" + b"\x02\x02 w" + b"\x80\x03orl" + b"\x82\x01d"
        far.data += b"\x82\x7e\x00\x80" + b"x" * 128
        far.data += b"\x82\x7f\x00\x00\x00\x00\x00\x00\x01\x00" + b"y" * 256
        assert read_all(stream, 128) == (b"hello world" + b"x" * 128 + b"y" * 256, None)


def test_ping_is_answered_between_frames():
    for step in (1, 10_000):
        far, stream = opened()
        far.step = step
        far.data += b"\x02\x01a" + b"\x89\x03abc" + b"\x8a\x00" + b"\x80\x01b" + b"\x89\x00"
        assert read_all(stream) == (b"ab", None)
        first, other = bytes(far.sent[:9]), bytes(far.sent[9:])
        assert unmasked(first) == (0x8A, b"abc")
        assert unmasked(other) == (0x8A, b"")


def test_the_end():
    far, stream = opened()
    far.data += b"\x82\x01a\x88\x02\x03\xe8"
    assert read_all(stream) == (b"a", 0)
    far, stream = opened()
    far.ended = True
    assert read_all(stream) == (b"", 0)


def test_what_a_server_may_not_send():
    # [MQTT5-6.0.0-1]
    for frame in (b"\x81\x01a", b"\x82\x81", b"\xc2\x01", b"\x83\x00", b"\x8b\x00", b"\x09\x00",
                  b"\x89\x7e\x00\x80"):  # fmt: skip
        far, stream = opened()
        far.data += frame + bytes(10)
        raises(ProtocolError, stream.readinto, bytearray(4), 4)


def test_close_says_goodbye():
    far, stream = opened()
    stream.close()
    assert unmasked(far.sent) == (0x88, b"\x03\xe8")
    assert far.closed
