"""MQTT over a serial line: a pseudo terminal, whose far end a thread carries to the broker."""

from __future__ import annotations

import os
import pty
import subprocess
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.harness.interpreter import Interpreter
from host_tests.harness.mqtt_line import MqttLine, whole
from tools.play.broker import Broker
from tools.shared.process import popen

SCRIPT = Path(__file__).parent / "scripts" / "transport_stream.py"


@pytest.fixture
def near(broker: Broker) -> Iterator[int]:
    """The device's end of the line, a file descriptor."""
    far, near = pty.openpty()
    for end in (far, near):
        tty.setraw(end)
    os.set_blocking(near, False)
    with MqttLine(far, broker):
        yield near
    os.close(far)
    os.close(near)


@pytest.mark.parametrize("client", ["blocking", "asyncio"])
def test_both_clients_over_a_serial_line(
    client: str, interpreter: Interpreter, near: int, tmp_path: Path
) -> None:
    """On a board without a network, which has no sockets to import."""
    (tmp_path / "socket.py").write_text("raise ImportError('no sockets here')\n")
    process = popen(
        interpreter.command(SCRIPT, [str(near), client], heap="128K"),
        env=interpreter.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(near,),
    )
    try:
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert output.splitlines()[-1:] == ["done"], output


@pytest.mark.parametrize(
    ("held", "size"),
    [
        (b"", 0),
        (b"\xc0", 0),
        (b"\xc0\x00", 2),
        (b"\x40\x02\x00\x01\x40", 4),  # and the beginning of the next
        (b"\x30\x80", 0),
        (b"\x30\x80\x01" + bytes(127), 0),
        (b"\x30\x80\x01" + bytes(128), 131),
    ],
)
def test_a_packet_is_carried_when_it_is_whole(held: bytes, size: int) -> None:
    assert whole(held) == size
