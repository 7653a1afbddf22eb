"""Messages larger than the buffer: skipped, or given to a sink piece by piece."""

from wire import Wire


def test_a_topic_longer_than_the_buffer_is_skipped_and_acknowledged():
    for qos, reply in ((2, b"\x40\x02\x12\x34"), (4, b"\x50\x02\x12\x34")):
        for room in range(16, 24):
            wire = Wire(buffer=room)
            wire.connect()
            message = bytes((0x30 | qos, 26)) + b"\x00\x15" + b"t" * 21 + b"\x12\x34!"
            assert wire.feed(message) == [0]
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
        assert (topic, sinks[-1][:3]) == (b"t", ("t", 128, True))
        assert sink.data == b"0123456789abcdef" * 8
        assert sink.closed
        assert wire.sent() == [b"\x40\x02\x00\x09"]


def test_a_large_message_that_is_cut_closes_its_sink_and_is_not_delivered():
    sink = Sink()
    wire = Wire(buffer=16, on_large=lambda *_: sink)
    wire.connect()
    assert wire.feed(b"\x30\x85\x01\x00\x01t" + b"x" * 60) == []
    wire.session.lost()
    assert sink.closed


def test_a_sink_that_fails_costs_the_message_alone():
    class Full(Sink):
        def write(self, piece):
            raise OSError(28)

    wire = Wire(buffer=16, on_large=lambda *_: Full())
    wire.connect()
    assert wire.feed(b"\x32\x2d\x00\x01t\x00\x09" + b"x" * 40) == [0]
    assert wire.sent() == [b"\x40\x02\x00\x09"]
    assert wire.session.incoming.skipped == 1
