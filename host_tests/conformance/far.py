"""The far end of a client under test: a broker that does as a test says, and notes every packet.

By itself it answers as MQTT demands.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from host_tests.conformance.wire import (
    CONNACK,
    CONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    Packet,
    filters,
    packet,
    without_properties,
)  # fmt: skip

WAIT_S = 40.0  # for what a busy computer may take long for


@dataclass
class Meeting:
    """One connection of the client."""

    sock: socket.socket
    packets: list[Packet] = field(default_factory=list)
    rest: bytes = b""  # of a packet that is not whole
    ended: bool = False  # the client has closed it


class FarEnd:
    """Listens on `port` of 127.0.0.1; a context manager that leaves nothing behind.

    version: 4 or 5; present: what CONNACK says of the session
    silent: kinds of packet that get no answer; greeting: what follows CONNECT then
    codes: what SUBACK grants, in place of the QoS asked for
    cut_after: a kind of packet after which the connection is cut; deaf: set while nothing is read
    """

    def __init__(self) -> None:
        self.version = 4
        self.present = False
        self.silent: set[int] = set()
        self.codes: list[int] = []
        self.greeting = b""
        self.cut_after = 0
        self.deaf = threading.Event()
        self.meetings: list[Meeting] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._listener = socket.socket()
        # So little that a client notices soon when nothing is read.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> FarEnd:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(WAIT_S)

    # --- what a test sees

    @property
    def packets(self) -> list[Packet]:
        """Those of the newest connection."""
        with self._changed:
            return list(self.meetings[-1].packets) if self.meetings else []

    @property
    def everything(self) -> list[Packet]:
        """Those of all connections."""
        with self._changed:
            return [each for meeting in self.meetings for each in meeting.packets]

    def of_kind(self, kind: int) -> list[Packet]:
        """Those of one kind, of the newest connection."""
        return [each for each in self.packets if each.kind == kind]

    def wait(self, kind: int, count: int = 1, meeting: int | None = None) -> list[Packet]:
        """Wait for packets of a kind on a connection (the newest), and return all of them."""

        def found() -> list[Packet]:
            if not self.meetings or (meeting is not None and len(self.meetings) <= meeting):
                return []
            here = self.meetings[-1 if meeting is None else meeting]
            return [each for each in here.packets if each.kind == kind]

        self.until(lambda: len(found()) >= count, f"{count} packets of kind 0x{kind:02x}")
        return found()

    def wait_meetings(self, count: int) -> None:
        """Wait until the client has sent CONNECT so many times."""

        def done() -> bool:
            return sum(bool(each.packets) for each in self.meetings) >= count

        self.until(done, f"{count} connections")

    def wait_end(self, meeting: int = -1) -> None:
        """Wait until the client has closed a connection, the newest by itself."""
        ending = self.meetings[meeting]
        self.until(lambda: ending.ended, "the end of the connection")

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for that; AssertionError with all that came if it does not come about."""
        with self._changed:
            if not self._changed.wait_for(done, WAIT_S):
                came = [[each.raw[:24] for each in here.packets] for here in self.meetings]
                raise AssertionError(f"waited in vain for {what}; what came: {came}")

    # --- what a test does

    def send(self, *raw: bytes) -> None:
        """Send bytes on the newest connection."""
        for each in raw:
            self.meetings[-1].sock.sendall(each)

    def publish(
        self, topic: bytes, payload: bytes = b"", qos: int = 0, pid: int = 1, flags: int = 0
    ) -> bytes:
        """An encoded PUBLISH."""
        body = len(topic).to_bytes(2, "big") + topic
        body += pid.to_bytes(2, "big") if qos else b""
        return packet(PUBLISH | qos << 1 | flags, body + self._no_properties + payload)

    def answer(self, kind: int, pid: int, codes: bytes = b"") -> bytes:
        """An encoded acknowledgement; codes: of a SUBACK, and of an UNSUBACK of MQTT 5."""
        body = pid.to_bytes(2, "big")
        if kind in (SUBACK, UNSUBACK):
            body += self._no_properties
        if kind == SUBACK or self.version == 5:
            body += codes
        return packet(kind, body)

    @property
    def _no_properties(self) -> bytes:
        return b"\0" if self.version == 5 else b""

    def cut(self) -> None:
        """End the newest connection."""
        with self._changed:
            here = self.meetings[-1] if self.meetings else None
        if here:
            try:
                here.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was faster

    # --- the connections

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            meeting = Meeting(sock)
            with self._changed:
                self.meetings.append(meeting)
            thread = threading.Thread(target=self._serve, args=(meeting,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, meeting: Meeting) -> None:
        with meeting.sock as sock:
            while True:
                while self.deaf.is_set() and not self._closing.wait(0.05):
                    pass
                try:
                    data = sock.recv(4096)
                except OSError:
                    data = b""
                with self._changed:
                    meeting.rest += data
                    meeting.ended = not data
                    new = self._whole(meeting)
                    meeting.packets += new
                    self._changed.notify_all()
                if not data:
                    return
                for each in new:
                    silent = each.kind in self.silent
                    greeting = self.greeting if each.kind == CONNECT else b""
                    try:
                        sock.sendall(greeting if silent else self._answer(each))
                    except OSError:
                        pass  # the client closes while we answer; recv sees it
                    if each.kind == self.cut_after:
                        sock.close()
                        return

    def _whole(self, meeting: Meeting) -> list[Packet]:
        found: list[Packet] = []
        while True:
            raw = meeting.rest
            size = shift = 0
            at = 1
            while at < len(raw):
                size |= (raw[at] & 127) << shift
                shift += 7
                at += 1
                if raw[at - 1] < 128:
                    break
            else:
                return found
            if len(raw) < at + size:
                return found
            body = raw[at : at + size]
            if self.version == 5:
                body = without_properties(raw[0], body)
            found.append(Packet(raw[: at + size], body))
            meeting.rest = raw[at + size :]

    def _answer(self, got: Packet) -> bytes:
        if got.kind == CONNECT:
            return packet(CONNACK, bytes((self.present, 0)) + self._no_properties)
        if got.kind == PUBLISH and got.qos:
            return self.answer(PUBACK if got.qos == 1 else PUBREC, got.pid)
        if got.kind == PUBREC:
            return self.answer(PUBREL | 2, got.pid)
        if got.kind == PUBREL:
            return self.answer(PUBCOMP, got.pid)
        if got.kind == SUBSCRIBE:
            codes = bytes(self.codes or [qos for _, qos in filters(got)])
            return self.answer(SUBACK, got.pid, codes)
        if got.kind == UNSUBSCRIBE:
            return self.answer(UNSUBACK, got.pid, bytes(len(filters(got))))
        return packet(PINGRESP) if got.kind == PINGREQ else b""
