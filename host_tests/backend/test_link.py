"""The collector's own reading of PUBLISH packets, with a broker that is bytes from a socket."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from host_tests.backend.conftest import wait_until
from tools.backend.inbox import Inbox, Message
from tools.backend.link import Link

CONNACK = b"\x20\x02\x00\x00"
LONG = b"x" * 200_000
STREAM = (
    b"\x30\x06\x00\x01ahey"  # QoS 0
    b"\x33\x08\x00\x01b\x12\x34you"  # QoS 1, retained, identifier 0x1234
    b"\xd0\x00"  # PINGRESP, which is paho's
    b"\x3a\x05\x00\x01c\x00\x07"  # QoS 1, sent again, without a payload
    b"\x32\x07\x00\x02\xff\xfe\x00\x08!"  # a topic that is not UTF-8
    + b"\x32\xc5\x9a\x0c\x00\x01d\x00\x09" + LONG
)  # fmt: skip
MESSAGES = [
    ("a", b"hey", 0, 0, False),
    ("b", b"you", 1, 0x1234, True),
    ("c", b"", 1, 7, False),
    ("", b"!", 1, 8, False),
    ("d", LONG, 1, 9, False),
]


class _Peer:
    """Accepts connections and answers CONNECT; what was sent afterwards is read by `receive`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(60)
        self.port: int = self._listener.getsockname()[1]
        self.socket = socket.socket()

    def accept(self) -> None:
        """Take the next connection."""
        self.socket.close()
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = self.receive(2)
        assert head[0] == 0x10
        self.receive(head[1])
        self.socket.sendall(CONNACK)

    def receive(self, size: int) -> bytes:
        """So many bytes, or fewer if the connection ends."""
        return self.socket.recv(size, socket.MSG_WAITALL)

    def close(self) -> None:
        """Close everything."""
        self.socket.close()
        self._listener.close()


@contextmanager
def _linked() -> Iterator[tuple[_Peer, Link, queue.SimpleQueue[Message]]]:
    peer = _Peer()
    came: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def take(messages: list[Message]) -> None:
        for message in messages:
            came.put(message)

    link = Link("collector", take)
    link.on_disconnect = lambda *_: link.lost()
    link.reconnect_delay_set(1, 1)
    link.connect_async("127.0.0.1", peer.port)
    link.loop_start()
    try:
        peer.accept()
        yield peer, link, came
    finally:
        link.disconnect()
        peer.close()
        link.loop_stop()


@pytest.mark.parametrize("piece", [1, 3, 1000, len(STREAM)])
def test_messages_are_the_same_in_whatever_pieces_they_come(piece: int) -> None:
    edge = len(STREAM) - (len(LONG) if piece < 100 else 0)  # the long one would take long
    with _linked() as (peer, _, came):
        for begin in range(0, edge, piece):
            peer.socket.sendall(STREAM[begin : min(begin + piece, edge)])
        peer.socket.sendall(STREAM[edge:])
        got = [came.get(timeout=60) for _ in MESSAGES]
    assert [(m.topic, m.payload, m.qos, m.mid, m.retained) for m in got] == MESSAGES


def test_acknowledgements_leave_together_and_in_order() -> None:
    with _linked() as (peer, link, came):
        peer.socket.sendall(STREAM)
        got = [came.get(timeout=60) for _ in MESSAGES]
        assert link.acknowledge(got) == 4
        assert peer.receive(16).hex(" ", 4) == "40021234 40020007 40020008 40020009"


def test_what_came_over_an_old_connection_is_not_acknowledged() -> None:
    with _linked() as (peer, link, came):
        peer.socket.sendall(STREAM[:10])  # the beginning of a packet is lost with it
        old = came.get(timeout=60)
        peer.socket.close()
        peer.accept()
        peer.socket.sendall(b"\x32\x05\x00\x01a\x00\x07")
        new = came.get(timeout=60)
        assert (new.topic, new.mid) == ("a", 7)
        old.qos, old.mid = 1, 7
        assert link.acknowledge([old]) == 0
        assert link.acknowledge([new]) == 1
        assert peer.receive(4) == b"\x40\x02\x00\x07"


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x34\x05\x00\x01a\x00\x07",  # QoS 2, which was not subscribed to
        b"\x32\x05\x00\x09a\x00\x07",  # a topic longer than its packet
        b"\x32\x03\x00\x01a",  # no identifier
        b"\x32\x00",
        b"\x32\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\xf0\x00",  # a packet that MQTT 3.1.1 doesn't have
    ],
    ids=lambda wrong: wrong.hex(),
)
def test_after_bytes_that_are_not_mqtt_it_connects_again(wrong: bytes) -> None:
    with _linked() as (peer, _, came):
        peer.socket.sendall(b"\x30\x04\x00\x01a!" + wrong)
        assert came.get(timeout=60).payload == b"!"
        assert peer.receive(1) == b""  # it has hung up
        peer.accept()
        peer.socket.sendall(b"\x30\x04\x00\x01b?")
        assert came.get(timeout=60).topic == "b"


def _message(qos: int = 1) -> Message:
    return Message("a", b"", qos, 1, False, 0, 0)


def test_a_full_inbox_drops_qos_0_and_holds_up_qos_1() -> None:
    inbox = Inbox(2, 1_000_000)
    inbox.put([_message(), _message()])
    inbox.put([_message(0)])
    assert (len(inbox), inbox.dropped) == (2, 1)
    waiting = threading.Thread(target=inbox.put, args=([_message(), _message(0)],))
    waiting.start()
    wait_until(lambda: inbox.dropped == 2, 60, lambda: "nothing was dropped")
    assert len(inbox.take(10, 60)) == 2
    waiting.join(60)
    assert (len(inbox), inbox.dropped) == (1, 2)


def test_nobody_waits_for_a_closed_inbox() -> None:
    inbox = Inbox(1, 1_000_000)
    assert inbox.take(10, 0.01) == []
    inbox.put([_message()])
    waiting = threading.Thread(target=inbox.put, args=([_message()],))
    waiting.start()
    inbox.close()
    waiting.join(60)
    assert len(inbox.take(1, 60)) == 1  # what is there can still be taken
    assert len(inbox.take(10, 60)) == 1
    assert inbox.take(10, 60) == []
