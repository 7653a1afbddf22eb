"""A connection whose stream takes no more, while a packet arrives in pieces."""

import io
import select
from time import ticks_ms

from mqtt.engine.connect import opened
from mqtt.engine.core import Core

CONNACK = b"\x20\x02\x00\x00"


class Stream(io.IOBase):
    """Gives one piece for each read, and takes what it is told to."""

    def __init__(self):
        self.pieces = []
        self.takes = 1000

    def readinto(self, buffer, n):
        if not self.pieces:
            return None
        piece = self.pieces.pop(0)
        assert len(piece) <= n
        buffer[: len(piece)] = piece
        return len(piece)

    def write(self, data, at, n):
        return min(n, self.takes) or None

    def ioctl(self, request, flags):
        return flags & select.POLLOUT if request == 3 else -22


def test_a_packet_in_pieces_arrives_whole_while_nothing_can_be_sent():
    got = []
    stream = Stream()
    connection = Core("c", 8, 512, {"on_message": lambda *message: got.append(bytes(message[1]))})
    connection.open(lambda: stream)
    assert opened(connection, ticks_ms())
    stream.pieces.append(CONNACK)
    connection.receive()
    payload = bytes(range(200)) * 2
    packet = b"\x30\x93\x03\x00\x01t" + payload
    stream.pieces.append(packet[:50])
    connection.receive()
    stream.takes = 0
    connection.post("t", "stuck", qos=0)
    for at in range(50, 400, 70):
        stream.pieces.append(packet[at : at + 70])
        connection.receive()
    stream.pieces.append(packet[400:])
    stream.takes = 1000
    connection.send()
    for _ in range(10):
        connection.receive()
    assert got == [payload]
