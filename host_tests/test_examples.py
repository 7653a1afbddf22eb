"""Every program of docs/examples, run in MicroPython against a real Mosquitto."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from host_tests.harness.interpreter import Interpreter, interpreter
from host_tests.interop.peer import Peer, properties
from tools.broker import Broker
from tools.paths import ROOT
from tools.process import popen

EXAMPLES = ROOT / "docs" / "examples"
WAIT_S = 20.0
# What a board has: a button that is pressed every second look, and an LED.
MACHINE = """
class Pin:
    IN = OUT = PULL_UP = 0

    def __init__(self, *arguments):
        self.level = 1

    def value(self, level=None):
        if level is not None:
            self.level = level
        elif __name__ == "button":
            self.level = 1 - self.level
        return self.level
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
def start(tmp_path: Path, broker: Broker) -> Iterator[Start]:
    """Starts an example; it is gone after the test."""
    running: list[subprocess.Popen[str]] = []
    python: Interpreter = interpreter("64")

    def begin(name: str, *arguments: object) -> Program:
        kind = "button" if name.startswith("button") else "led"
        (tmp_path / "machine.py").write_text(MACHINE.replace("__name__", repr(kind)))
        words = [str(each) for each in arguments or (broker.host, broker.port)]
        process = popen(
            python.command(EXAMPLES / f"{name}.py", words, heap="256K"),
            env=python.environment(tmp_path),
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
def peer(broker: Broker) -> Iterator[Peer]:
    with Peer(broker.host, broker.port) as other:
        other.subscribe("#", 1)
        yield other


def test_no_example_is_untried() -> None:
    tried = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= tried


def test_an_example_is_short() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 30, path.name


def test_blocking_publish(start: Start, peer: Peer) -> None:
    assert start("blocking_publish").end() == ""
    peer.wait("room/temperature", "21.5")


def test_blocking_subscribe(start: Start, peer: Peer) -> None:
    peer.publish("room/temperature", "21.5", 1, True)
    assert start("blocking_subscribe").line() == "room/temperature 21.5"


def test_button_publish(start: Start, peer: Peer) -> None:
    start("button_publish")
    peer.wait_all([("button", "released"), ("button", "pressed")])


def test_led_command(start: Start, peer: Peer) -> None:
    peer.publish("led/set", "on", 1, True)
    start("led_command")
    peer.wait("led/state", "on")
    peer.publish("led/set", "off", 1)
    peer.wait("led/state", "off")


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
