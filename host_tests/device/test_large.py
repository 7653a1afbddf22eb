# heap: 64K
"""Messages larger than the buffer: skipped, or given to a sink piece by piece."""

from time import ticks_add, ticks_diff, ticks_ms

from memory_broker import Broker
from wire import Wire

from mqtt.link import Link


def test_a_topic_longer_than_the_buffer_is_skipped_and_acknowledged():
    for qos, reply in ((2, b"\x40\x02\x12\x34"), (4, b"\x50\x02\x12\x34")):
        for room in range(16, 24):
            wire = Wire(buffer=room)
            wire.connect()
            message = bytes((0x30 | qos, 26)) + b"\x00\x15" + b"t" * 21 + b"\x12\x34!"
            assert wire.feed(message) == []
            assert wire.sent() == [reply], (room, qos)


class Sink:
    def __init__(self):
        self.data = b""
        self.closed = False

    def write(self, piece):
        self.data += bytes(piece)

    def close(self):
        self.closed = True


def test_a_large_message_goes_to_its_sink():
    sinks = []

    def on_large(topic, size, retained):
        sinks.append((topic, size, retained, Sink()))
        return sinks[-1][3]

    for step in (0, 1, 7):
        wire = Wire(buffer=16, on_large=on_large)
        wire.connect()
        large = b"\x33\x85\x01\x00\x01t\x00\x09" + b"0123456789abcdef" * 8
        ((topic, sink),) = wire.feed(large, step)
        assert (topic, sinks[-1][:3]) == ("t", ("t", 128, True))
        assert sink.data == b"0123456789abcdef" * 8
        assert sink.closed
        assert wire.sent() == [b"\x40\x02\x00\x09"]


def test_a_piece_that_waits_for_what_is_being_sent_takes_nothing_of_the_next_packet():
    """A line that is slow both ways, as a serial one: pieces come while a packet is half sent."""
    for step in range(1, 17):
        sink = Sink()
        wire = Wire(buffer=16, on_large=lambda *_, sink=sink: sink)
        wire.connect()
        stream, session = wire.stream, wire.session
        turn = [0]

        def write(data, at, n, turn=turn, write=stream.write):
            return write(data, at, n) if turn[0] % 3 == 2 else None

        stream.write = write
        stream.unread = b"\x30\x55\x00\x01t" + b"0123456789abcdef" * 5 + b"!!" + b"\xd0\x00" * 9
        stream.step = step
        while turn[0] < 400:
            turn[0] += 1
            wire.post("t", b"reading", 0)
            session.send()
            session.receive()
        assert sink.closed and sink.data == b"0123456789abcdef" * 5 + b"!!", (step, sink.data)


def test_a_large_message_that_is_cut_closes_its_sink_and_is_not_delivered():
    sink = Sink()
    wire = Wire(buffer=16, on_large=lambda *_: sink)
    wire.connect()
    assert wire.feed(b"\x30\x85\x01\x00\x01t" + b"x" * 60) == []
    wire.session.hang_up()
    assert sink.closed


def test_a_sink_that_fails_costs_the_message_alone():
    class Full(Sink):
        def write(self, piece):
            raise OSError(28)

    wire = Wire(buffer=16, on_large=lambda *_: Full())
    wire.connect()
    assert wire.feed(b"\x32\x2d\x00\x01t\x00\x09" + b"x" * 40) == []
    assert wire.sent() == [b"\x40\x02\x00\x09"]
    assert wire.session.skipped == 1


class Ending(Sink):
    """Ends the connection with its first piece, as a post() does whose stream fails just then."""

    link = None
    aborted = False

    def write(self, piece):
        link, self.link = self.link, None
        if link:
            link.hang_up()

    def abort(self):
        self.aborted = True


def test_a_connection_that_ends_within_a_handler_leaves_the_next_one_sound():
    for within_on_large in (True, False):
        sink = Ending()

        def on_large(*_, sink=sink, within_on_large=within_on_large):
            if within_on_large:
                sink.write(b"")
            return sink

        got = []
        broker = Broker()
        link = sink.link = Link(
            broker, "id", buffer=32, on_large=on_large, backoff_ms=(1, 2),
            on_message=lambda *message, got=got: got.append(message),
        )  # fmt: skip
        until = ticks_add(ticks_ms(), 20_000)
        while not got:
            assert ticks_diff(until, ticks_ms()) > 0 and not link.failures, within_on_large
            link.wait(min(link.step(), 10))
            if link.up and len(broker.streams) == 1:
                broker.streams[0].arrive(b"\x32\x2d\x00\x01t\x00\x09" + b"x" * 40)
            elif link.up:
                broker.streams[1].arrive(b"\x30\x04\x00\x01t!")
        assert got == [("t", b"!", False)] and len(broker.streams) == 2
        assert sink.aborted and not sink.closed, within_on_large
        link.close()
