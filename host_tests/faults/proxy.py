"""A TCP proxy that knows MQTT packets, and does to them what a test says.

It stands between a device and a broker. Directions: "up" is from the device, "down" to it.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.play.listener import Listener, reset

UP, DOWN = "up", "down"


class Cut(Exception):
    """A rule ends the connection, after the bytes that it still lets through."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__(last)
        self.last = last


Action = Callable[[bytes], list[bytes]]  # what goes on in place of a packet; may raise Cut


@dataclass
class Rule:
    """What happens to packets of a kind; the first rule that fits is taken."""

    kind: int
    direction: str
    left: int  # so many packets more; then the rule is over
    action: Action


@dataclass
class Pair:
    """One connection: the device's end and the broker's."""

    near: socket.socket
    far: socket.socket


class Proxy:
    """Listens on a port of `host`, by default a free one, and forwards to `target`.

    silent: while set, nothing passes and nobody is told
    delay_s: how long each piece is held, and those behind it too
    latency_s: how long each piece takes to the other end, however many are on their way
    drip: None, or (bytes, seconds) of each piece downwards
    on_rule: called with the kind of each packet that a rule was applied to
    connections: how many there were; seen: kind, direction and time of each packet
    said: every byte that came from the device; log=False: neither of the two is kept
    """

    def __init__(
        self,
        target: tuple[str, int],
        packets: bool = True,
        port: int = 0,
        host: str = "127.0.0.1",
        log: bool = True,
        latency_s: float = 0.0,
    ) -> None:
        self.target = target
        self._log = log
        self._cut_up = _packets if packets else _pieces  # what is encrypted has no packets
        self.silent = threading.Event()
        self.delay_s = 0.0
        self.latency_s = latency_s
        self.drip: tuple[int, float] | None = None
        self.connections = 0
        self.said = bytearray()
        self.seen: list[tuple[int, str, float]] = []
        self.on_rule: Callable[[int], object] = lambda kind: None
        self._rules: list[Rule] = []
        self._pairs: list[Pair] = []
        self._changed = threading.Condition()
        self._sending = 0
        self._listener = Listener(self._join, host, port)
        self.port = self._listener.port
        self.refuse = self._listener.refuse
        self.accept = self._listener.accept

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *error: object) -> None:
        self.silent.clear()
        self._listener.close()
        self.cut()
        self._listener.join(10)

    # --- what a test does

    def hush(self) -> None:
        """Be silent from now on; returns when nothing is on its way any more."""
        with self._changed:
            self.silent.set()
            self._changed.wait_for(lambda: not self._sending, 1)

    def rule(self, kind: int, direction: str, action: Action, count: int = 1) -> None:
        """Have the next `count` packets of a kind go through an action."""
        with self._changed:
            self._rules.append(Rule(kind, direction, count, action))

    def swallow(self, kind: int, direction: str, count: int = 1) -> None:
        """Drop the next packets of a kind."""
        self.rule(kind, direction, lambda packet: [], count)

    def repeat(self, kind: int, direction: str, count: int = 1, times: int = 2) -> None:
        """Pass the next packets of a kind more than once."""
        self.rule(kind, direction, lambda packet: [packet] * times, count)

    def no_rules(self) -> None:
        """Let everything pass again, also what a rule still waits for."""
        with self._changed:
            self._rules.clear()

    def cut_in(self, kind: int, direction: str, after: int) -> None:
        """End the connection in the middle of the next packet of a kind."""

        def cut(packet: bytes) -> list[bytes]:
            raise Cut(packet[:after])

        self.rule(kind, direction, cut)

    def inject(self, *raw: bytes) -> None:
        """Send bytes to the device, as if from the broker."""
        for pair in self._open()[-1:]:
            _send(pair.near, b"".join(raw))

    def cut(self) -> None:
        """End all connections, both ends."""
        for pair in self._open():
            _shut(pair.near)
            _shut(pair.far)

    def end_one_way(self) -> None:
        """The device is told that nothing more will come, and what it sends is still taken."""
        for pair in self._open():
            try:
                pair.near.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has ended

    # --- what a test sees

    def wait_for(self, kind: int, direction: str, count: int = 1, timeout: float = 20) -> float:
        """Wait until so many packets of a kind have been seen; returns when the last one was."""

        def times() -> list[float]:
            return [at for its, way, at in self.seen if (its, way) == (kind, direction)]

        with self._changed:
            if not self._changed.wait_for(lambda: len(times()) >= count, timeout):
                raise TimeoutError(f"{len(times())} of {count} packets 0x{kind:02x} {direction}")
            return times()[count - 1]

    def count(self, kind: int, direction: str) -> int:
        """How many packets of a kind were seen."""
        return len([1 for its, way, _ in list(self.seen) if (its, way) == (kind, direction)])

    # --- the connections

    def _open(self) -> list[Pair]:
        with self._changed:
            return list(self._pairs)

    def _join(self, near: socket.socket) -> None:
        self.connections += 1
        while self.silent.is_set():
            time.sleep(0.02)
        try:
            far = socket.create_connection(self.target, 5)
            far.settimeout(None)
        except OSError:
            reset(near)  # as the broker's own host would
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(near, far)
        with self._changed:
            self._pairs.append(pair)
        back = threading.Thread(target=self._pass, args=(far, near, DOWN), daemon=True)
        back.start()
        self._pass(near, far, UP)
        back.join()
        with self._changed:
            self._pairs.remove(pair)
        near.close()
        far.close()

    def _pass(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        try:
            for packet in self._later(self._cut_up(source)):
                if self._log:
                    self._note(packet[0] & 0xF0, direction)
                    self.said += packet if direction == UP else b""
                try:
                    parts = self._changed_by_rules(packet, direction)
                except Cut as cut:
                    self._send(sink, cut.last, direction)
                    break
                for part in parts:
                    self._send(sink, part, direction)
        except OSError:
            pass  # one of the ends is gone
        while self.silent.is_set():
            time.sleep(0.02)
        _shut(source)
        _shut(sink)

    def _later(self, packets: Iterator[bytes]) -> Iterator[bytes]:
        """Each packet when its time has come; those behind it are read meanwhile."""
        if not self.latency_s:
            yield from packets
            return
        under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def read() -> None:
            try:
                for packet in packets:
                    under_way.put((time.monotonic() + self.latency_s, packet))
            except OSError:
                pass  # it has ended
            under_way.put((time.monotonic() + self.latency_s, b""))

        threading.Thread(target=read, daemon=True).start()
        while True:
            at, packet = under_way.get()
            time.sleep(max(0.0, at - time.monotonic()))
            if not packet:
                return
            yield packet

    def _note(self, kind: int, direction: str) -> None:
        with self._changed:
            self.seen.append((kind, direction, time.monotonic()))
            self._changed.notify_all()

    def _changed_by_rules(self, packet: bytes, direction: str) -> list[bytes]:
        with self._changed:
            for rule in self._rules:
                if (rule.kind, rule.direction) == (packet[0] & 0xF0, direction):
                    rule.left -= 1
                    if not rule.left:
                        self._rules.remove(rule)
                    self.on_rule(rule.kind)
                    return rule.action(packet)
        return [packet]

    def _send(self, sink: socket.socket, data: bytes, direction: str) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        while data:
            size, pause = (len(data), 0.0)
            if self.drip and direction == DOWN:
                size, pause = self.drip
            self._send_now(sink, data[:size])
            data = data[size:]
            if pause:
                time.sleep(pause)

    def _send_now(self, sink: socket.socket, data: bytes) -> None:
        while True:
            with self._changed:
                if not self.silent.is_set():
                    self._sending += 1
                    break
            time.sleep(0.02)
        try:
            sink.sendall(data)
        finally:
            with self._changed:
                self._sending -= 1
                self._changed.notify_all()


def _pieces(source: socket.socket) -> Iterator[bytes]:
    """What comes from a socket, as it comes."""
    while data := source.recv(65536):
        yield data


def _packets(source: socket.socket) -> Iterator[bytes]:
    """The packets that come from a socket, whole."""
    held = b""
    while True:
        while (size := _size(held)) and len(held) >= size:
            yield held[:size]
            held = held[size:]
        data = source.recv(65536)
        if not data:
            if held:
                yield held
            return
        held += data


def _size(held: bytes) -> int:
    """The size of the first packet; 0 if its header is not whole."""
    size = shift = 0
    for at, byte in enumerate(held[1:5], 2):
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return at + size
    return 0


def _send(sink: socket.socket, data: bytes) -> None:
    try:
        sink.sendall(data)
    except OSError:
        pass  # it has ended


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
