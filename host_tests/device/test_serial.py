"""The board's end of a serial line: connections, acknowledgements, what a line does to bytes."""

from errno import EINVAL

import micropython

from mqtt import serial
from mqtt.engine.base import LinkError
from mqtt.engine.frames import Frame, room

IN = 1
OUT = 4


class Port:
    """A port: `sent` is what the board wrote, come() is what it reads next."""

    def __init__(self):
        self.sent = bytearray(600)
        self.held = 0
        self.takes = 600  # bytes that one write takes
        self.waiting = bytearray(600)
        self.at = self.end = 0

    def write(self, data, at, n):
        n = min(n, self.takes)
        for i in range(n):
            self.sent[self.held] = data[at + i]
            self.held += 1
        return n or None

    def readinto(self, buffer, n):
        n = min(n, self.end - self.at)
        for i in range(n):
            buffer[i] = self.waiting[self.at]
            self.at += 1
        if self.at == self.end:
            self.at = self.end = 0
        return n or None

    def come(self, data, n):
        for i in range(n):
            self.waiting[self.end] = data[i]
            self.end += 1


class Bridge:
    """The far end: reads and writes frames, byte for byte as it is told."""

    def __init__(self, size=32, on_time=None):
        self.now = 0
        serial.ticks_ms = lambda: self.now
        self.port = Port()
        self.dial = serial.serial(self.port, size, on_time)
        self.frame = Frame(255)
        self.out = bytearray(room(64))
        self.made = Frame(64)
        self.connection = 0

    def next(self):
        """The next frame of the board's: its kind, or None."""
        port = self.port
        at = self.frame.take(port.sent, 0, port.held)
        for i in range(port.held - at):
            port.sent[i] = port.sent[at + i]
        port.held -= at
        return chr(self.frame.kind) if self.frame.whole else None

    def data(self):
        return bytes(self.frame.data[6 : 6 + self.frame.length])

    def say(self, kind, number=0, data=b"", connection=None):
        if connection is None:
            connection = self.connection
        n = self.made.make(self.out, ord(kind), connection, number, data, 0, len(data))
        self.port.come(self.out, n)

    def opened(self):
        """A connection that stands; returns the stream."""
        stream = self.dial()
        while self.next() != "O":
            pass
        self.connection = self.frame.connection
        self.say("o")
        assert stream.ioctl(3, IN | OUT) == OUT
        return stream


def read(stream, n=100):
    buffer = bytearray(n)
    got = stream.readinto(buffer, n)
    return got and bytes(buffer[:got])


def raises(call, *arguments):
    try:
        call(*arguments)
    except LinkError as error:
        return str(error)
    raise AssertionError("nothing was raised")


def test_a_connection_stands_when_the_bridge_says_so():
    bridge = Bridge()
    stream = bridge.dial()
    assert stream.ioctl(3, IN | OUT) == 0
    assert stream.ioctl(10, 0) == -EINVAL
    assert (bridge.next(), bridge.data(), bridge.next()) == ("O", b"\x20", None)
    assert stream.write(b"x", 0, 1) is None
    bridge.now += 501
    assert stream.ioctl(3, OUT) == 0
    assert bridge.next() == "O"  # again: perhaps nobody was there
    bridge.say("o", 0, b"", bridge.frame.connection + 1)  # to an earlier one
    assert stream.ioctl(3, OUT) == 0
    bridge.say("o", 0, b"", bridge.frame.connection)
    assert stream.ioctl(3, OUT) == OUT
    assert (stream.again, stream.ignored) == (1, 1)


def test_the_time_is_told():
    told = []
    Bridge(on_time=told.append).opened()
    assert told == []
    bridge = Bridge(on_time=told.append)
    stream = bridge.dial()
    assert bridge.next() == "O"
    bridge.say("o", 0, (1_795_218_370).to_bytes(4, "big"), bridge.frame.connection)
    assert stream.ioctl(3, OUT) == OUT
    assert told == [1_795_218_370]
    bridge.say("t", 0, (1_795_221_970).to_bytes(4, "big"), bridge.frame.connection)
    assert stream.ioctl(3, OUT) == OUT
    assert told == [1_795_218_370, 1_795_221_970]
    assert stream.ignored == 0


def test_the_time_is_told_on_a_connection_that_stands_alone():
    told = []
    bridge = Bridge(on_time=told.append)
    stream = bridge.dial()
    assert bridge.next() == "O"
    for wrong in (0, 1):  # not open yet, and of an earlier connection
        bridge.say("t", 0, b"\0\0\0\1", bridge.frame.connection + wrong)
        stream.ioctl(3, OUT)
    assert (told, stream.ignored) == ([], 2)


def test_a_frame_that_waits_goes_on_waiting_when_the_time_is_told():
    bridge = Bridge(on_time=lambda seconds: None)
    stream = bridge.opened()
    assert stream.write(b"x", 0, 1) == 1
    bridge.say("t", 0, b"\0\0\0\1", bridge.connection)
    assert stream.ioctl(3, OUT) == 0 and stream.write(b"y", 0, 1) is None


def test_one_frame_at_a_time_until_it_is_acknowledged():
    bridge = Bridge()
    stream = bridge.opened()
    assert stream.write(b"-" * 40, 8, 32) == 32
    assert (bridge.next(), bridge.data()) == ("D", b"-" * 32)
    for wrong in (1, 255):
        bridge.say("a", wrong)
        assert stream.write(b"x", 0, 1) is None
    bridge.say("a", 0)
    assert stream.ioctl(3, IN | OUT) == OUT
    assert stream.write(b"next", 0, 4) == 4
    assert (bridge.next(), bridge.data(), bridge.frame.number) == ("D", b"next", 1)
    bridge.now += 501
    stream.ioctl(3, IN)
    assert (bridge.next(), bridge.data(), bridge.frame.number) == ("D", b"next", 1)
    bridge.now += 400
    stream.ioctl(3, IN)
    assert bridge.next() is None


def test_data_is_acknowledged_when_it_was_read():
    bridge = Bridge()
    stream = bridge.opened()
    assert read(stream) is None
    bridge.say("d", 0, b"hello")
    assert stream.ioctl(3, IN) == IN
    assert read(stream, 2) == b"he"
    assert bridge.next() is None
    bridge.say("d", 0, b"hello")  # sent again meanwhile: it is not read twice
    assert read(stream) == b"llo"
    stream.ioctl(3, IN)
    assert (bridge.next(), bridge.frame.number) == ("A", 0)
    bridge.say("d", 0, b"hello")  # the acknowledgement was lost
    assert read(stream) is None
    assert (bridge.next(), bridge.frame.number) == ("A", 0)
    bridge.say("d", 1, b"!")
    assert read(stream) == b"!"


def test_numbers_wrap():
    bridge = Bridge()
    stream = bridge.opened()
    for number in range(600):
        bridge.say("d", number & 255, b"%d" % number)
        assert read(stream) == b"%d" % number
        assert bridge.next() == "A"
        assert stream.write(b"x", 0, 1) == 1
        assert (bridge.next(), bridge.frame.number) == ("D", number & 255)
        bridge.say("a", number & 255)
    assert stream.ignored == stream.again == stream.frame.damaged == 0


def test_what_is_of_an_earlier_connection_reaches_no_new_one():
    bridge = Bridge()
    bridge.opened()
    before = bridge.connection
    bridge.say("d", 0, b"stale")
    bridge.say("c")
    stream = bridge.opened()
    assert bridge.connection != before
    bridge.say("d", 0, b"stale", before)
    bridge.say("a", 0, b"", before)
    bridge.say("c", 0, b"", before)
    assert read(stream) is None
    bridge.say("d", 0, b"fresh")
    assert read(stream) == b"fresh"


def test_an_echo_is_not_taken_for_an_answer():
    """A terminal that is not yet raw sends back what it gets."""
    bridge = Bridge()
    stream = bridge.opened()
    assert stream.write(b"mine", 0, 4) == 4
    bridge.port.come(bridge.port.sent, bridge.port.held)
    assert read(stream) is None
    assert stream.write(b"x", 0, 1) is None  # it still waits
    stream.close()
    bridge.port.come(bridge.port.sent, bridge.port.held)
    assert stream._error is None


def test_the_end_of_a_connection():
    bridge = Bridge()
    stream = bridge.opened()
    bridge.say("d", 0, b"last")
    bridge.say("c")
    assert stream.ioctl(3, IN) == IN
    assert read(stream) == b"last"  # what came before the end is read
    assert "closed" in raises(read, stream)
    assert "closed" in raises(stream.write, b"x", 0, 1)
    stream.close()

    stream = bridge.opened()
    bridge.say("c", 0, b"", 0)
    assert "again" in raises(read, stream)

    stream = bridge.dial()
    assert bridge.next() == "O"
    bridge.say("c", 0, b"", 0)  # it has just been started, and will get the next OPEN
    assert stream.ioctl(3, OUT) == 0
    bridge.say("r", 0, b"no broker", bridge.frame.connection)
    assert stream.ioctl(3, OUT) == OUT
    assert raises(stream.write, b"x", 0, 1) == "the bridge: no broker"

    stream = bridge.opened()
    stream.close()
    assert bridge.next() == "C"


def test_a_port_that_takes_little_and_one_that_takes_nothing():
    bridge = Bridge()
    bridge.port.takes = 3
    stream = bridge.opened()
    bridge.port.takes = 0
    assert stream.write(b"data", 0, 4) == 4
    for _ in range(3):
        bridge.now += 600
        assert stream.ioctl(3, IN | OUT) == 0
        assert stream.write(b"more", 0, 4) is None
    assert bridge.next() is None
    bridge.port.takes = 1
    stream.ioctl(3, IN)
    assert (bridge.next(), bridge.data(), bridge.next()) == ("D", b"data", None)
    bridge.port.takes = 0
    bridge.say("a", 0)
    assert stream.write(b"half", 0, 4) == 4
    bridge.port.takes = 9
    bridge.port.write = lambda data, at, n: None  # it stops in the middle of a frame
    stream.close()
    del bridge.port.write
    bridge.opened()  # whose OPEN is whole


class Drawn:
    """In place of os: a frame with this number has no escaped byte where one is damaged below."""

    @staticmethod
    def urandom(n):
        return b"\x41\x42\x43"[:n]


def test_counted_is_what_is_dropped():
    os, serial.os = serial.os, Drawn
    try:
        bridge = Bridge()
    finally:
        serial.os = os
    stream = bridge.opened()
    bridge.port.come(b"typed", 5)
    bridge.say("d", 0, b"data")
    bridge.port.waiting[bridge.port.end - 3] ^= 1
    assert read(stream) is None
    bridge.say("d", 5, b"far ahead")
    assert read(stream) is None
    assert (stream.frame.strays, stream.frame.damaged, stream.ignored) == (5, 1, 1)


def test_a_steady_state_allocates_nothing():
    bridge = Bridge()
    stream = bridge.opened()
    buffer = bytearray(32)
    payload = b"a reading, \x00\x01\x02\x03"
    for turn in range(3):
        micropython.heap_lock()
        try:
            taken = stream.write(payload, 0, 15)
            bridge.say("a", turn)
            bridge.say("d", turn, payload)
            ready = stream.ioctl(3, IN | OUT)
            got = stream.readinto(buffer, 32)
            bridge.now += 600
            stream.ioctl(3, IN | OUT)
        finally:
            micropython.heap_unlock()
        assert (taken, ready, got) == (15, IN | OUT, 15)
        bridge.port.held = 0


def test_a_size_that_cannot_be():
    for size in (0, 15, 256):
        try:
            serial.serial(Port(), size)
            raise AssertionError(size)
        except ValueError:
            pass
