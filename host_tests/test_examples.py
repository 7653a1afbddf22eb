"""Every program of docs/examples, run in MicroPython against a real Mosquitto.

Those with pins run on the simulated board, where the test presses the button and sees the LED.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from host_tests.harness.interpreter import (
    Interpreter,
    compiled_lib,
    compiled_port,
    interpreter,
)
from host_tests.interop.peer import Peer, properties
from tools.play.broker import Broker
from tools.play.sim import Bench
from tools.shared.paths import ROOT
from tools.shared.process import popen

EXAMPLES = ROOT / "docs" / "examples"
WAIT_S = 20.0
# Runs an example as main.py, with the address of the test's broker.
MAIN = """
import sys
sys.argv[:] = ["main.py", {host!r}, "{port}"]
execfile("example.py")
"""


class Program:
    """An example that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> str:
        """Wait for its end; returns what it printed meanwhile."""
        output, _ = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 0, output
        return output


Start = Callable[..., Program]


@pytest.fixture
def start(broker: Broker) -> Iterator[Start]:
    """Starts an example; it is gone after the test."""
    running: list[subprocess.Popen[str]] = []
    python: Interpreter = interpreter("64")

    def begin(name: str, *arguments: object) -> Program:
        words = [str(each) for each in arguments or (broker.host, broker.port)]
        process = popen(
            python.command(EXAMPLES / f"{name}.py", words, heap="256K"),
            env=python.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        running.append(process)
        return Program(process)

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def boot(tmp_path: Path, broker: Broker) -> Iterator[Callable[[str], Bench]]:
    """Boots a simulated board with an example on it."""
    with ExitStack() as stack:

        def begin(name: str) -> Bench:
            (tmp_path / "lib").symlink_to(compiled_lib())
            (tmp_path / "example.py").write_text((EXAMPLES / f"{name}.py").read_text())
            (tmp_path / "main.py").write_text(MAIN.format(host=broker.host, port=broker.port))
            bench = stack.enter_context(Bench(tmp_path, port=compiled_port(), heap="256K"))
            bench.power_on()
            return bench

        yield begin


@pytest.fixture
def peer(broker: Broker) -> Iterator[Peer]:
    with Peer(broker.host, broker.port) as other:
        other.subscribe("#", 1)
        yield other


def test_no_example_is_untried() -> None:
    tried = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= tried


def test_an_example_is_short_and_says_what_it_does() -> None:
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 25, path.name
        doc = ast.get_docstring(ast.parse(text))
        assert doc and "\n\n" not in doc, f"{path.name}: a docstring of one paragraph"


def test_blocking_publish(start: Start, peer: Peer) -> None:
    assert start("blocking_publish").end() == ""
    peer.wait("room/temperature", "21.5")


def test_blocking_subscribe(start: Start, peer: Peer) -> None:
    peer.publish("room/temperature", "21.5", 1, True)
    assert start("blocking_subscribe").line() == "room/temperature 21.5"


def test_button_publish(boot: Callable[[str], Bench], peer: Peer) -> None:
    bench = boot("button_publish")
    peer.wait("button", "released")
    bench.set_pin(4, 0)
    peer.wait("button", "pressed")
    peer.messages.clear()
    bench.set_pin(4, 1)
    peer.wait("button", "released")
    assert len(peer.messages) == 1
    assert bench.lines == []


def test_led_command(boot: Callable[[str], Bench], peer: Peer) -> None:
    peer.publish("led/set", "on", 1, True)
    bench = boot("led_command")
    peer.wait("led/state", "on")
    assert bench.world.level(2) == 1
    peer.publish("led/set", "off", 1)
    peer.wait("led/state", "off")
    assert bench.world.level(2) == 0
    assert bench.lines == []


def test_last_will(start: Start, peer: Peer) -> None:
    program = start("last_will")
    peer.wait("pump/status", "online")
    program.process.kill()
    peer.wait("pump/status", "offline")
    peer.messages.clear()
    program = start("last_will")
    peer.wait("pump/status", "online")
    while program.process.poll() is None:  # it may not be subscribed yet
        peer.publish("pump/stop", "now", 1)
    assert program.end() == ""
    peer.wait("pump/status", "stopped")
    assert not [each for each in peer.messages if each.payload == b"offline"]


def test_reconnect(start: Start, peer: Peer, broker: Broker) -> None:
    program = start("reconnect")
    peer.wait("count", "20")
    interpreter("64").run(  # another client of the same id: the broker ends the first connection
        "from mqtt.simple import MQTTClient\n"
        f"MQTTClient('counter', '127.0.0.1', {broker.port}).connect()",
        heap="256K",
    )
    assert "lost:" in program.end()
    got = [int(each.payload) for each in peer.wait_all([("count", str(n)) for n in range(100)])]
    assert list(dict.fromkeys(got)) == list(range(100))


def test_tls_publish(start: Start, broker_factory: Callable[..., Broker], tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    secured = broker_factory(settings=(f"certfile {cert}", f"keyfile {key}"))
    assert start("tls_publish", secured.host, secured.port, ca).end() == ""
    secured.stop()  # then its log is complete
    assert [line for line in secured.log if "as thermometer" in line]


def test_asyncio_publish(start: Start, peer: Peer) -> None:
    assert start("asyncio_publish").end() == ""
    wanted = [("room/temperature", each) for each in ("21.4", "21.5", "21.7")]
    peer.wait_all(wanted)


def test_asyncio_for(start: Start, peer: Peer) -> None:
    peer.publish("room/lamp", "on", 1, True)
    program = start("asyncio_for")
    assert program.line() == "room/lamp on (retained)"
    peer.publish("display/stop", "", 1, True)
    assert program.end() == ""


def test_asyncio_handlers(start: Start, peer: Peer) -> None:
    peer.publish("lamp/hall/set", "on", 1, True)
    program = start("asyncio_handlers")
    peer.wait("lamp/hall/state", "on")
    peer.publish("house/stop", "", 1, True)
    assert program.end() == ""


def test_asyncio_hand_over(start: Start, peer: Peer) -> None:
    assert start("asyncio_hand_over").end() == ""
    peer.wait("tank/alarm", "full")
    peer.wait("tank/level", "9")
    log = [each.payload for each in peer.messages if each.topic == "tank/log"]
    assert log == [b"6", b"7", b"8", b"9"]  # the level waits as well, and gives way to no log


def test_mqtt5_request(start: Start, broker: Broker) -> None:
    with Peer(broker.host, broker.port, 5) as clock:
        clock.subscribe("clock/ask", 1)
        program = start("mqtt5_request")
        question = clock.wait("clock/ask", "what time is it?").properties
        assert question is not None
        answer = properties(CorrelationData=question.CorrelationData)  # type: ignore[attr-defined]
        clock.publish(question.ResponseTopic, "noon", 1, False, answer)  # type: ignore[attr-defined]
        assert program.line() == "noon"
