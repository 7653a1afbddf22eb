"""A core against a model of a broker, over a wire that loses, cuts and repeats at random.

What MQTT promises must hold for every schedule: QoS 0 at most once, QoS 1 at least once, QoS 2
exactly once, and the first copies in order. Where a broker forgets its session, QoS 2 can promise
no more than QoS 1: whether a message whose PUBREC was lost had been received, nobody knows any
longer (MQTT 4.1).
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

stub: Any = importlib.import_module("micropython")  # also gives `time` its ticks
base: Any = importlib.import_module("mqtt.engine.base")
cores: Any = importlib.import_module("mqtt.engine.core")
connects: Any = importlib.import_module("mqtt.engine.connect")

SCHEDULES = 10_000
PARTS = 8
PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x30, 0x40, 0x50, 0x62, 0x70


@dataclass
class Message:
    """One that the broker sends; its identifier, and whether its PUBREC has come."""

    pid: int
    qos: int
    number: int
    received: bool = False


@dataclass
class ModelBroker:
    """As simple as MQTT allows: answers at once, and sends again what was under way.

    version: 4 or 5; asked: identifiers of QoS 2 seen since
    the client was last told that its session is new
    """

    version: int = 4
    asked: set[int] = field(default_factory=set)
    got: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: [], 2: []})
    held: set[int] = field(default_factory=set)
    queue: list[Message] = field(default_factory=list)
    outgoing: list[bytes] = field(default_factory=list)
    session: bool = False
    next_pid: int = 0

    def connected(self) -> None:
        """CONNECT: answer it, and go on where the session was."""
        head = b"\x20\x03%c\0\0" if self.version == 5 else b"\x20\x02%c\0"
        self.outgoing = [head % self.session]
        self.session = True
        for message in self.queue:
            self.outgoing.append(self._again(message))

    def forget(self) -> None:
        """Lose the session, but not the messages that nobody has: they are new again."""
        self.session = False
        self.held.clear()
        self.queue = [message for message in self.queue if not message.received]

    def publish(self, qos: int, number: int) -> None:
        self.next_pid = self.next_pid % 65535 + 1
        message = Message(self.next_pid, qos, number)
        if qos:
            self.queue.append(message)
        self.outgoing.append(self._packet(message, 0))

    def receive(self, packet: bytes) -> None:
        kind = packet[0] & 0xF0
        if kind == PUBLISH:
            qos = packet[0] >> 1 & 3
            pid = int.from_bytes(packet[5:7], "big") if qos else 0
            number = number_of(packet, self.version)
            if qos != 2 or pid not in self.held:
                self.got[qos].append(number)
            if qos == 2:
                self.held.add(pid)
                self.asked.add(pid)
            if qos:
                self.outgoing.append(bytes((PUBREC if qos == 2 else PUBACK, 2)) + packet[5:7])
        elif packet[0] in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self._answer(packet[0], int.from_bytes(packet[2:4], "big"), packet[2:4])

    def _answer(self, first: int, pid: int, raw: bytes) -> None:
        if first == PUBREL:
            assert pid in self.asked, "released, and not published in this session [MQTT-3.1.2-6]"
            self.held.discard(pid)
            self.outgoing.append(b"\x70\x02" + raw)
        elif first == PUBREC:
            for message in self.queue:
                if message.pid == pid:
                    message.received = True
            self.outgoing.append(b"\x62\x02" + raw)
        else:
            self.queue = [message for message in self.queue if message.pid != pid]

    def _again(self, message: Message) -> bytes:
        if message.received:
            return b"\x62\x02" + message.pid.to_bytes(2, "big")
        return self._packet(message, 8)

    def _packet(self, message: Message, dup: int) -> bytes:
        body = b"\x00\x01t"
        if message.qos:
            body += message.pid.to_bytes(2, "big")
        if self.version == 5:
            body += b"\0"
        body += b"%d" % message.number
        return bytes((PUBLISH | dup | message.qos << 1, len(body))) + body


def number_of(packet: bytes, version: int) -> int:
    """What a PUBLISH to a topic of one letter carries."""
    return int(packet[5 + (2 if packet[0] & 6 else 0) + (version == 5) :])


class Rig:
    """A core, a broker and the wire between them; `random` decides what happens."""

    def __init__(self, seed: int, lossy_sessions: bool, version: int) -> None:
        self.random = random.Random(seed)
        self.lossy_sessions = lossy_sessions
        self.now = self.random.randrange(1 << 29)
        stub.prepare(cores, lambda: self.now)
        options = {
            "clean": False, "window": self.random.choice((1, 2, 8)), "version": version,
            "on_message": self._message,
        }  # fmt: skip
        self.session = cores.Core("id", 20, 64, options)
        self.outbox = self.session.outbox
        self.qos = 0  # of the packet that is being fed
        self.broker = ModelBroker(version)
        self.version = version
        # Messages sent in this session, with their identifiers, and those of this connection.
        self.in_session: dict[tuple[int, int], bytes] = {}
        self.in_connection: set[tuple[int, int]] = set()
        self.to_broker: list[bytes] = []
        self.up = False
        self.sent: dict[int, int] = {0: 0, 1: 0, 2: 0}
        self.pushed: dict[int, int] = {0: 0, 1: 0, 2: 0}
        self.got: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def run(self) -> None:
        for _ in range(self.random.randrange(20, 80)):
            self.random.choice(
                (self.post, self.post, self.push, self.carry, self.carry, self.fetch, self.fetch,
                 self.cut, self.wait, self.repeat)
            )()  # fmt: skip
        for _ in range(400):
            self.fetch()
            self.carry()
            # A broker that forgot its session releases nothing, and if its CONNACK was lost the
            # client was not told.
            unreleased = self.session.unreleased and not self.lossy_sessions
            if not (self.outbox.count or self.broker.queue or unreleased):
                return
            if not (self.broker.outgoing or self.to_broker):
                self.wait()
        raise AssertionError(f"{self.outbox.count} sent, {self.broker.queue} are under way still")

    def post(self) -> None:
        qos = self.random.randrange(3)
        number = self.sent[qos]
        if qos == 0 and not self.session.up:
            return
        if self.session.post("t", b"%d" % number, False, qos) is not None:
            self.sent[qos] += 1

    def push(self) -> None:
        if self.up and self.session.up and len(self.broker.queue) < 10:
            qos = self.random.randrange(3)
            self.broker.publish(qos, self.pushed[qos])
            self.pushed[qos] += 1

    def carry(self) -> None:
        """A packet reaches the broker."""
        if not self.up:
            self._connect()
        if self.to_broker:
            packet = self.to_broker.pop(0)
            if packet[0] == 0x10:
                self.broker.connected()
            else:
                self.broker.receive(packet)

    def fetch(self) -> None:
        """A packet reaches the client."""
        if self.up and self.broker.outgoing:
            self._feed(self.broker.outgoing.pop(0))

    def repeat(self) -> None:
        """An acknowledgement reaches the client twice."""
        if self.up and self.broker.outgoing and self.broker.outgoing[0][0] in (PUBACK, PUBCOMP):
            self._feed(self.broker.outgoing[0])

    def cut(self) -> None:
        """All that is under way is lost; and perhaps the broker's session."""
        self.to_broker.clear()
        self.broker.outgoing.clear()
        self.session.hang_up()
        self.up = False
        if self.lossy_sessions and self.random.random() < 0.3:
            self.broker.forget()

    def wait(self) -> None:
        """Time passes, up to more than the broker may take."""
        self.now += self.random.choice((1, 1000, 4100))
        try:
            if self.up:
                self.session.tick(self.now)
                self.session.send()
        except base.LinkError:
            self.cut()

    def _connect(self) -> None:
        self.in_connection.clear()
        self.up = True
        self.stream = stub.Stream(self._written)
        self.session.open(lambda: self.stream)
        assert connects.opened(self.session, self.now)

    def _feed(self, packet: bytes) -> None:
        if packet[0] == 0x20 and not packet[2]:
            self.in_session.clear()
            self.broker.asked.clear()
        self.qos = packet[0] >> 1 & 3
        self.stream.unread = packet
        self.session.receive()

    def _message(self, topic: str, payload: bytes, *_: Any) -> None:
        self.got[self.qos].append(int(payload))

    def _written(self, sent: bytes) -> None:
        self.to_broker.append(sent)
        if sent[0] & 0xF0 == PUBLISH and sent[0] & 6:
            message = sent[0] & 6, number_of(sent, self.version)
            assert bool(sent[0] & 8) == (message in self.in_session), "DUP"
            before = self.in_session.setdefault(message, sent[5:7])
            # [MQTT-3.3.1-1], [MQTT-2.3.1-3]; of version 5 [MQTT5-4.4.0-1]
            assert before == sent[5:7], "sent again under another identifier"
            assert self.version < 5 or message not in self.in_connection, "twice on one connection"
            self.in_connection.add(message)


def firsts(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """A core collects when it is made: 10,000 of them would take minutes here."""
    with patch("gc.collect"):
        yield


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("lossy_sessions", [False, True])
@pytest.mark.parametrize("part", range(PARTS))
def test_every_schedule_keeps_what_mqtt_promises(
    part: int, lossy_sessions: bool, version: int
) -> None:
    count = SCHEDULES // PARTS // 2
    for seed in range(part * count, (part + 1) * count):
        rig = Rig(seed, lossy_sessions, version)
        rig.run()
        for count_of, got in ((rig.sent, rig.broker.got), (rig.pushed, rig.got)):
            everything = {qos: list(range(count_of[qos])) for qos in count_of}
            why = f"seed {seed}: {got}"
            assert len(set(got[0])) == len(got[0]), why
            assert firsts(got[1]) == everything[1], why
            assert firsts(got[2]) == everything[2], why
            if not lossy_sessions:
                assert got[2] == everything[2], why
