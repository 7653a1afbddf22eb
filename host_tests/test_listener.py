"""What stands between a node and a broker in tests refuses, falls silent and ends when told."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from host_tests.faults.proxy import Proxy
from tools.play.broker import Broker
from tools.play.sim.relay import Relay

CONNECT = bytes.fromhex("100d 0004 4d515454 04 02 003c 0001 61")  # MQTT 3.1.1, client "a"
CONNACK = b"\x20\x02\x00\x00"
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux keeps the port"
)


@pytest.fixture(params=["relay", "proxy"])
def between(request: pytest.FixtureRequest, broker: Broker) -> Iterator[Proxy | Relay]:
    if request.param == "proxy":
        with Proxy((broker.host, broker.port)) as proxy:
            yield proxy
        return
    relay = Relay((broker.host, broker.port))
    yield relay
    relay.close()


def connect(port: int) -> bytes:
    """What a client is answered."""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        link.sendall(CONNECT)
        return link.recv(4)


@linux
def test_it_refuses_as_a_host_without_a_broker_and_keeps_its_port(between: Proxy | Relay) -> None:
    assert connect(between.port) == CONNACK
    for _ in range(3):
        between.refuse()
        between.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(between.port)
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("127.0.0.1", between.port))
        between.accept()
        assert connect(between.port) == CONNACK


def test_it_ends_while_it_refuses(between: Proxy | Relay) -> None:
    between.refuse()


def test_nothing_passes_when_it_is_silent(between: Proxy | Relay) -> None:
    with socket.create_connection(("127.0.0.1", between.port), 5) as link:
        between.silence() if isinstance(between, Relay) else between.hush()
        link.sendall(CONNECT)
        link.settimeout(0.3)
        with pytest.raises(TimeoutError):
            link.recv(4)
        between.on.set() if isinstance(between, Relay) else between.silent.clear()
        link.settimeout(5)
        assert link.recv(4) == CONNACK
