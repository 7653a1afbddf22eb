"""The whole node with its MQTT on the serial line that is also its console."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.harness.interpreter import WIDTHS, Interpreter
from host_tests.harness.line import BridgeProcess, Line
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.talk.bridge.frames import END, Decoder, Frame
from tools.talk.readings import parse

ROOM = 1024  # of a Pyboard's USB


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with Line(tmp_path, ROOM) as line:
        yield line


@pytest.fixture(params=WIDTHS)
def node(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    line: Line,
    bridge: BridgeProcess,
    broker: Broker,
    seen: Subscriber,
) -> Iterator[Node]:
    """A node that is online over the line; its clock was never set."""
    flash = tmp_path / "flash"
    node = make_node(flash, request.param, broker, seen, serial=line.board.fileno(), clock="unset")
    node.write_config(node.config(wifi=None, mqtt={"serial": "usb"}, sensors=[LIGHT]))
    with node.bench:
        node.bench.power_on()
        node.wait("diagnostics")
        yield node


def went_on(node: Node, readings: int) -> None:
    """So many more readings come, and none was lost since the node's start."""
    before = len(node.seen.sequence())
    start = len(node.seen.messages)
    for _ in range(readings):
        node.wait("light", 20, start)
        start = len(node.seen.messages)
    numbers = list(dict.fromkeys(node.seen.sequence()))
    assert len(node.seen.sequence()) > before
    assert numbers == list(range(1, len(numbers) + 1))


def test_readings_commands_and_the_console(node: Node, bridge: BridgeProcess) -> None:
    assert node.wait("status") == "online"
    assert node.command("ping")["ok"]
    assert set(node.command("read")["values"]) == {"light"}
    bridge.wait("^board: Petrel: config.json is new and good; starting afresh$")
    bridge.wait("^board: Petrel: connected$")
    went_on(node, 5)


def test_the_bridge_tells_the_time(node: Node) -> None:
    """To a board that has no other way to learn it."""
    deadline = time.monotonic() + 15
    start = 0
    while "time" not in (reading := node.wait("light", start=start)):
        assert time.monotonic() < deadline, "no reading with a time"
        start = len(node.seen.messages)
    assert abs(reading["time"] - time.time()) < 60


def test_a_clock_that_drifts_is_set_when_the_bridge_tells_the_time_again(
    node: Node, line: Line, bridge: BridgeProcess
) -> None:
    frames = [each for each in Decoder().feed(bytes(line.received)) if isinstance(each, Frame)]
    connection = [each.connection for each in frames if each.kind == "o"][-1]
    went_on(node, 1)
    at = len(bridge.lines)

    def told_again(data: bytes) -> bytes:
        if not data.endswith(bytes((END,))):  # it would cut into another frame
            return data
        line.to_board = bytes
        later = int(time.time()) + 7200
        return data + Frame("t", connection, 0, later.to_bytes(4, "big")).encode()

    line.to_board = told_again
    bridge.wait(r"^board: Petrel: the clock was 7[12]\d\d s slow$", at)

    def later(topic: str, payload: str) -> bool:  # those that waited have the former time
        return topic.endswith("/light") and abs(parse(payload)["time"] - 7200 - time.time()) < 60

    assert node.seen.seen(later, 40)
    went_on(node, 3)
    assert not [each for each in bridge.lines[at:] if "connect" in each]


def test_a_power_cut_in_the_middle(node: Node, bridge: BridgeProcess) -> None:
    start, at = len(node.seen.messages), len(bridge.lines)
    node.bench.power_cut()
    bridge.wait("the connection has ended: the board is gone, or starts again", at)
    assert node.wait("status", start=start) == "offline"  # the last will
    node.wait("diagnostics", start=start)
    node.wait("light", start=len(node.seen.messages))


def test_the_bridge_killed_and_started_again(node: Node, bridge: BridgeProcess) -> None:
    went_on(node, 2)
    bridge.kill()
    bridge.start()
    went_on(node, 5)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo terminal: the person's end, and the program's."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_ctrl_c_from_the_bridge_stops_the_node(
    node: Node, line: Line, bridge: BridgeProcess, broker: Broker, terminal: tuple[int, int]
) -> None:
    """The port, like USB, makes an interrupt of 0x03, which no frame may hold."""

    def as_usb(data: bytes) -> bytes:
        if b"\x03" in data:
            node.bench.interrupt()
        return data.replace(b"\x03", b"")

    line.to_board = as_usb
    bridge.kill()
    person, program = terminal
    with BridgeProcess(line.port, broker, "--keys", stdin=program) as with_keys:
        with_keys.wait("Petrel: connected", timeout=25)
        node.obeys()
        assert node.command("ping", "\x03\x04")["ok"]
        os.write(person, b"\x03")
        with_keys.wait("stopped; machine.reset")  # the bridge may tell something in between
        os.write(person, b"\x1d")
        assert with_keys.ended() == 0


WITHOUT_SOCKETS = """
from mqtt.link import Link
from mqtt.serial import serial
import sys
class Port:
    def readinto(self, buffer, n): return None
    def write(self, data, at, n): return n
link = Link([serial(Port())], "x")
link.step()
print(link.opening, "socket" in sys.modules)
"""


def test_a_board_without_sockets_can_use_it(interpreter: Interpreter, tmp_path: Path) -> None:
    """A Pyboard v1.1 has no such module."""
    (tmp_path / "socket.py").write_text("raise ImportError('no socket')\n")
    done = interpreter.run(WITHOUT_SOCKETS, path=[tmp_path])
    assert done.stdout == "True False\n", done.stderr
