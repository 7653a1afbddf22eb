"""The fault lab's proxy does what its methods say."""

from __future__ import annotations

import socket
import sys

import pytest

from host_tests.faults.proxy import Proxy
from tools.broker import Broker

CONNECT = bytes.fromhex("100d 0004 4d515454 04 02 003c 0001 61")  # MQTT 3.1.1, client "a"


def connect(proxy: Proxy) -> bytes:
    """What a client is answered."""
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as link:
        link.sendall(CONNECT)
        return link.recv(4)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux keeps the port")
def test_it_refuses_as_a_host_without_a_broker_and_keeps_its_port(broker: Broker) -> None:
    with Proxy((broker.host, broker.port)) as proxy:
        assert connect(proxy) == b"\x20\x02\x00\x00"
        for _ in range(3):
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
            with socket.socket() as other, pytest.raises(OSError):
                other.bind(("127.0.0.1", proxy.port))
            proxy.accept()
            assert connect(proxy) == b"\x20\x02\x00\x00"


def test_it_ends_while_it_refuses(broker: Broker) -> None:
    with Proxy((broker.host, broker.port)) as proxy:
        proxy.refuse()


def test_nothing_passes_after_hush(broker: Broker) -> None:
    with (
        Proxy((broker.host, broker.port)) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 5) as link,
    ):
        proxy.hush()
        link.sendall(CONNECT)
        link.settimeout(0.3)
        with pytest.raises(TimeoutError):
            link.recv(4)
        proxy.silent.clear()
        link.settimeout(5)
        assert link.recv(4) == b"\x20\x02\x00\x00"
