"""What a check is given: a broker, a kind of client, and names that nobody else uses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from host_tests.interop.control import CONTROL, Control
from host_tests.interop.device import Device
from host_tests.interop.peer import Peer
from tools.lab.brokers.base import RealBroker

PATIENT_MS = 10_000
IMPATIENT_MS = 1000

_numbers = itertools.count(1)


class Limited(Exception):
    """The broker does less than was asked for, and says so."""


class NotApplicable(Exception):
    """The protocol, or the broker's set-up, has no such thing."""


class Bench:
    """One broker, one kind of client and one protocol version; names that nobody else uses.

    patient: wait long for what has to arrive; False where it is not expected to.
    """

    patient = True

    def __init__(self, broker: RealBroker, kind: str, protocol: str) -> None:
        self.broker = broker
        self.kind = kind
        self.protocol = protocol
        self.number = next(_numbers)
        self.client_id = f"petrel{self.number}"
        self.topic = f"interop/{self.number}"

    def device(self) -> Device | Control:
        """A client that is not connected yet."""
        wait_ms = PATIENT_MS if self.patient else IMPATIENT_MS
        if self.kind == CONTROL:
            return Control(self.protocol, self.broker.port, wait_ms)
        return Device(self.kind, self.protocol, self.broker.port, wait_ms)

    def peer(self, version: int = 4) -> Peer:
        """The independent client, connected; version: 4 for MQTT 3.1.1, or 5."""
        return Peer(self.broker.host, self.broker.port, version)

    @contextmanager
    def pair(self, qos: int = 0) -> Iterator[tuple[Device | Control, Peer]]:
        """Both, connected and subscribed below our topic: the device to /d, the peer to /p."""
        with self.device() as device, self.peer() as peer:
            device.open(self.client_id)
            device.subscribe(f"{self.topic}/d", qos)
            peer.subscribe(f"{self.topic}/p", qos)
            yield device, peer
            device.close()
