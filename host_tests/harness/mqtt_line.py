"""The far end of a serial line that speaks MQTT: a thread carries its packets to a broker."""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator

from tools.play.broker import Broker

CONNECT = 0x10
PINGREQ = 0xC0


class MqttLine:
    """Carries whole packets; a CONNECT begins a new connection to the broker. A context manager.

    far: a file descriptor, of a terminal or a socket; it stays the caller's. A line knows nothing
    of connections: of one that has ended the device hears no more, as on a real line.
    sent: the first byte of every packet that came from the device
    """

    def __init__(self, far: int, broker: Broker) -> None:
        self.sent: list[int] = []
        self._far = far
        self._address = (broker.host, broker.port)
        self._held = b""
        self._cut_at: float = math.inf  # packets from the device
        self._changed = threading.Condition()
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> MqttLine:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)

    def cut(self, after: int) -> None:
        """Lose what the device says after so many packets since the beginning, until repair()."""
        self._cut_at = after

    def repair(self) -> None:
        """Begin connections again."""
        self._cut_at = math.inf

    def wait_cut(self, timeout: float) -> None:
        """Wait until a packet was lost."""
        self._wait(lambda: len(self.sent) > self._cut_at, "was lost", timeout)

    def wait_sent(self, first: int, count: int, timeout: float) -> None:
        """Wait until the device has sent so many packets that begin with that byte."""
        sent = f"{count} x 0x{first:02x} came"
        self._wait(lambda: self.sent.count(first) >= count, sent, timeout)

    def _wait(self, true: Callable[[], bool], what: str, timeout: float) -> None:
        with self._changed:
            if not self._changed.wait_for(true, timeout):
                last = " ".join(f"0x{kind:02x}" for kind in self.sent[-12:])
                raise TimeoutError(f"not within {timeout} s: {what}; the last packets: {last}")

    def _packets(self, data: bytes) -> Iterator[bytes]:
        """The whole packets that have come."""
        self._held += data
        while size := whole(self._held):
            yield self._held[:size]
            self._held = self._held[size:]

    def _carry(self) -> None:
        link: socket.socket | None = None
        while True:
            ends: list[int | socket.socket] = [self._far, self._wake, *([link] if link else [])]
            ready, _, _ = select.select(ends, [], [])
            if self._wake in ready:
                break
            if self._far in ready:
                data = os.read(self._far, 4096)
                if not data:
                    break
                for packet in self._packets(data):
                    link = self._pass_on(packet, link)
            elif link:
                link = self._bring_back(link)
        if link:
            link.close()

    def _pass_on(self, packet: bytes, link: socket.socket | None) -> socket.socket | None:
        """Send a packet to the broker; returns the connection there, if there is one now."""
        with self._changed:
            self.sent.append(packet[0])
            self._changed.notify_all()
        cut = len(self.sent) > self._cut_at
        if link and (packet[0] == CONNECT or cut):
            link.close()
            link = None
        if packet[0] == CONNECT and not cut:
            with contextlib.suppress(ConnectionRefusedError):  # no broker, no answer
                link = socket.create_connection(self._address)
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if link:
            with contextlib.suppress(ConnectionError):  # it will be found closed
                link.sendall(packet)
        return link

    def _bring_back(self, link: socket.socket) -> socket.socket | None:
        try:
            data = link.recv(4096)
        except ConnectionError:
            data = b""
        if data:
            os.write(self._far, data)
            return link
        link.close()
        return None


def whole(held: bytes) -> int:
    """The size of the packet at the head, 0 while it is not whole. See MQTT 3.1.1, 2.2.3."""
    length = 0
    for at, byte in enumerate(held[1:5]):
        length |= (byte & 127) << 7 * at
        if byte < 128:
            size = 2 + at + length
            return size if len(held) >= size else 0
    return 0
