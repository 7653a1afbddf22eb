"""MQTT over a serial line: a pseudo terminal, whose far end a thread carries to the broker."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from tools.broker import Broker
from tools.process import popen

SCRIPT = Path(__file__).parent / "scripts" / "transport_stream.py"
CONNECT = 0x10


class Bridge:
    """Carries bytes between a terminal and the broker; a CONNECT begins a new connection there."""

    def __init__(self, broker: Broker) -> None:
        self._address = (broker.host, broker.port)
        self._far, self.near = pty.openpty()
        for end in (self._far, self.near):
            tty.setraw(end)
        os.set_blocking(self.near, False)
        self._held = b""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        os.close(self._far)
        os.close(self.near)

    def _packets(self, data: bytes) -> Iterator[bytes]:
        """The whole packets that have come; all are shorter than 128 bytes."""
        self._held += data
        while len(self._held) >= 2 and len(self._held) >= 2 + self._held[1]:
            size = 2 + self._held[1]
            yield self._held[:size]
            self._held = self._held[size:]

    def _carry(self) -> None:
        link: socket.socket | None = None
        while not self._ended.is_set():
            ends: list[int | socket.socket] = [self._far]
            if link:
                ends.append(link)
            ready, _, _ = select.select(ends, [], [], 0.1)
            if self._far in ready:
                for packet in self._packets(os.read(self._far, 4096)):
                    if packet[0] == CONNECT or link is None:
                        if link:
                            link.close()
                        link = socket.create_connection(self._address)
                    link.sendall(packet)
            elif link and link in ready:
                data = link.recv(4096)
                if data:
                    os.write(self._far, data)
                else:
                    link.close()
                    link = None
        if link:
            link.close()


@pytest.fixture
def bridge(broker: Broker) -> Iterator[Bridge]:
    line = Bridge(broker)
    yield line
    line.close()


@pytest.mark.parametrize("client", ["blocking", "asyncio"])
def test_both_clients_over_a_serial_line(
    client: str, interpreter: Interpreter, bridge: Bridge
) -> None:
    process = popen(
        interpreter.command(SCRIPT, [str(bridge.near), client], heap="128K"),
        env=interpreter.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(bridge.near,),
    )
    try:
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert output.splitlines()[-1:] == ["done"], output
