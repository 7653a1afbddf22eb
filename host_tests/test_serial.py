"""MQTT over a serial line: MicroPython's end against the real bridge and a real broker."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from host_tests.harness.interpreter import Interpreter
from host_tests.harness.line import BridgeProcess, Line, Script
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT
from tools.talk.bridge import carrier
from tools.talk.bridge.carrier import Carrier, Counters
from tools.talk.bridge.frames import Frame
from tools.talk.connection import Address
from tools.talk.readings import number

SCRIPT = Path(__file__).parent / "scripts" / "serial_reporter.py"
ROOM = 512  # of a UART as the node opens it


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with Line(tmp_path, ROOM) as line:
        yield line


@pytest.fixture
def board(
    interpreter: Interpreter, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> Iterator[Script]:
    """A board that publishes 1, 2, 3, ... once somebody has subscribed."""
    command = interpreter.command(SCRIPT, ["20", "prints"], heap="160K")
    with Script(command, line, env=interpreter.environment()) as script:
        yield script


def reaches(seen: Subscriber, wanted: int, start: int = 0) -> None:
    assert seen.seen(lambda topic, payload: number(payload) >= wanted, 40, start)


def nothing(data: bytes) -> bytes:
    """Nothing comes through."""
    return b""


def none_lost(seen: Subscriber) -> None:
    """Every number from 1 on, the first time in its order."""
    firsts = list(dict.fromkeys(seen.sequence()))
    assert firsts == list(range(1, len(firsts) + 1))


def last(seen: Subscriber) -> int:
    return (seen.sequence() or [0])[-1]


def test_readings_messages_and_prints(
    board: Script, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> None:
    reaches(seen, 20)
    large = "".join(chr(32 + n % 90) for n in range(8192))
    for payload in ("\x03\x04\x1d\x1e\x1f", large):
        start = len(seen.messages)
        seen.publish("petrel/board/in", payload)
        back = ("petrel/board/echo", payload)
        assert seen.seen(lambda *message, back=back: message == back, 30, start)
    reaches(seen, last(seen) + 10)
    none_lost(seen)
    bridge.wait(r"^board: print 20$")
    assert not {0x01, 0x03, 0x04, 0x11, 0x13} & set(line.received)
    assert bridge.stop() == 0
    assert bridge.lines[-1].startswith("bridge: 1 connections, ")


def test_bytes_lost_changed_and_doubled(
    board: Script, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> None:
    reaches(seen, 5)
    chance = random.Random(1)

    def damaged(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            luck = chance.random()
            if luck < 0.0003:
                continue
            out.append(byte ^ 1 << chance.randrange(8) if luck < 0.0006 else byte)
            if luck > 0.9997:
                out.append(byte)
        return bytes(out)

    line.to_board = line.to_bridge = damaged
    reaches(seen, 150)
    line.to_board = line.to_bridge = bytes
    reaches(seen, last(seen) + 20)
    none_lost(seen)
    assert bridge.stop() == 0
    assert "frames damaged 0" not in bridge.lines[-1]
    assert "sent again 0, received twice 0" not in bridge.lines[-1]


def test_bridge_killed_and_started_again(
    board: Script, bridge: BridgeProcess, seen: Subscriber
) -> None:
    reaches(seen, 10)
    for _ in range(2):
        bridge.kill()
        start = len(seen.messages)
        bridge.start()
        reaches(seen, last(seen) + 20, start)
    none_lost(seen)


def test_a_bridge_that_knows_no_such_connection_says_so(
    board: Script, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> None:
    """Its first frame, which tells of the new start, is lost; the board need not wait for long."""
    reaches(seen, 10)
    seen.publish("petrel/board/in", "here")
    seen.wait("petrel/board/echo", 40)  # it is subscribed: no SUBACK is on its way
    bridge.kill()
    line.to_board = lambda data: data.replace(Frame("c", 0).encode(), b"")
    bridge.start()
    reaches(seen, last(seen) + 20)
    none_lost(seen)
    board.kill()
    assert "lost the bridge closed the connection" in board.output


def test_broker_away_and_back(
    board: Script, line: Line, bridge: BridgeProcess, broker: Broker, seen: Subscriber
) -> None:
    reaches(seen, 10)
    line.to_bridge = nothing
    seen.catch_up()
    broker.kill()
    line.to_bridge = bytes
    # It is reset where the broker had not read all that the bridge has sent.
    at = bridge.wait("the connection has ended: the broker(: Connection lost| closed it)")
    bridge.wait("no broker at .*: Connection refused", at)
    # Only who is subscribed sees what comes first: the board is kept out until then.
    line.to_bridge = nothing
    broker.start()
    seen.wait_subscribed()
    line.to_bridge = bytes
    reaches(seen, last(seen) + 50)
    none_lost(seen)


def test_tls_begins_at_the_bridge(
    micropython32: Interpreter, line: Line, broker_factory: Callable[..., Broker], tmp_path: Path
) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    broker = broker_factory(
        settings=(f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}")
    )
    command = micropython32.command(SCRIPT, ["20", "prints"], heap="160K")
    with (
        Subscriber(broker, tls=tmp_path / "ca.pem") as seen,
        BridgeProcess(line.port, broker, "--ca", str(tmp_path / "ca.pem")),
        Script(command, line, env=micropython32.environment()),
    ):
        reaches(seen, 20)
        none_lost(seen)


def test_unplugged_and_plugged_in_again(
    board: Script, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> None:
    reaches(seen, 10)
    start = len(bridge.lines)
    line.unplug()
    at = bridge.wait("is gone", start)
    bridge.wait("waiting for .*: plug the board in", at)
    line.plug_in()
    at = bridge.wait("is open", at)
    bridge.wait("the board is connected", at, 30)
    reaches(seen, last(seen) + 20)
    none_lost(seen)


def test_board_reset_in_the_middle(
    board: Script, line: Line, bridge: BridgeProcess, seen: Subscriber
) -> None:
    """Whatever was under way, its next life is heard from its first reading on."""
    for _ in range(3):
        start = len(seen.messages)
        reaches(seen, 15, start)
        board.kill()
        start = len(bridge.lines)
        board.start()
        bridge.wait("the board is connected", start)
    start = len(seen.messages)
    reaches(seen, 15, start)
    lives = [n for n in seen.sequence() if n == 1]
    assert len(lives) == 4


def test_a_port_that_another_bridge_has(line: Line, bridge: BridgeProcess, broker: Broker) -> None:
    command = [sys.executable, "-m", "tools", "bridge", "--port", str(line.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: another program uses {line.port}\n  close it")


def test_the_bridge_tells_the_time_again_while_a_connection_stands(
    monkeypatch: pytest.MonkeyPatch, broker: Broker
) -> None:
    monkeypatch.setattr(carrier, "TIME_S", 0.05)
    told: list[int] = []

    async def until_told_thrice() -> None:
        enough = asyncio.Event()

        def send(frame: Frame) -> None:
            if frame.kind == "t":
                assert (frame.connection, len(frame.data)) == (7, 4)
                told.append(int.from_bytes(frame.data, "big"))
            if len(told) == 3:
                enough.set()

        one = Carrier(7, 32, send, lambda: False, Counters())
        carried = asyncio.create_task(one.run(Address(broker.host, broker.port), lambda: None))
        async with asyncio.timeout(20):
            await enough.wait()
        carried.cancel()
        await asyncio.wait([carried])

    asyncio.run(until_told_thrice())
    assert all(abs(each - time.time()) < 60 for each in told)
