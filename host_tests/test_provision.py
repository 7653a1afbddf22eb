"""A board without Wi-Fi gets it over its serial line: the whole node on a pty, and its clients."""

from __future__ import annotations

import itertools
import json
import os
import pty
import random
import select
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from host_tests.harness import improv_sdk
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, WIFI, Node, make_node
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.shared.paths import MICROPYTHON, NO_32, ROOT
from tools.shared.process import popen
from tools.talk.improv import Board, Error, RefusedError, State

SDK_SCRIPT = ROOT / "host_tests" / "scripts" / "improv_sdk.mjs"
RAM_SCRIPT = ROOT / "host_tests" / "scripts" / "provision_ram.py"
SSID, PASSWORD = WIFI["ssid"], WIFI["password"]


class Line:
    """The serial line of a node: `port` is its name on this computer."""

    def __init__(self) -> None:
        # The host's end is kept open here too: when a program closes it, the line stays.
        self.board, self.host = pty.openpty()
        tty.setraw(self.host)
        self.port = os.ttyname(self.host)

    def close(self) -> None:
        os.close(self.host)
        os.close(self.board)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


@pytest.fixture(params=WIDTHS)
def node(
    request: pytest.FixtureRequest, tmp_path: Path, line: Line, broker: Broker, seen: Subscriber
) -> Iterator[Node]:
    """A node that is switched on, with a config that names no network."""
    flash = tmp_path / "flash"
    node = make_node(flash, request.param, broker, seen, serial=line.board)
    node.write_config(node.config(wifi={}, sensors=[LIGHT]))
    with node.bench:
        node.bench.power_on()
        yield node


@pytest.fixture
def said() -> list[str]:
    """What the board has printed."""
    return []


@pytest.fixture
def port(line: Line, node: Node) -> Iterator[serial.Serial]:
    with serial.Serial(line.port, timeout=0.05) as port:
        yield port


@pytest.fixture
def board(port: serial.Serial, said: list[str]) -> Board:
    """The node at the other end, which answers."""
    board = Board(port, said.append)
    assert board.state(20) == State.READY, said
    return board


class Pipe:
    """A descriptor as a serial port."""

    def __init__(self, end: int) -> None:
        self._end = end

    def read(self, size: int) -> bytes:
        """What comes within a moment."""
        ready, _, _ = select.select([self._end], [], [], 0.05)
        return os.read(self._end, size) if ready else b""

    def write(self, data: bytes) -> int | None:
        """Send."""
        return os.write(self._end, data)


def config_of(node: Node) -> Any:
    return json.loads((node.flash / "config.json").read_text())


def test_from_a_board_without_wifi_to_a_reading(board: Board, node: Node, said: list[str]) -> None:
    assert board.info()[0] == "Petrel"
    assert board.info()[3] == "n1"
    assert board.scan() == [(SSID, -50, True)]
    before = node.config(wifi={}, sensors=[LIGHT])
    assert config_of(node) == before
    assert board.join(SSID, PASSWORD) == ["", "127.0.0.1"]
    assert config_of(node) == {**before, "wifi": WIFI}
    assert board.state(1) == State.PROVISIONED
    assert node.wait("status") == "online"
    node.wait("light")
    assert json.loads((node.flash / "config.json.old").read_text())["wifi"] == WIFI
    assert f'Petrel: Wi-Fi "{SSID}": joined and saved; address 127.0.0.1' in said


@pytest.mark.parametrize(
    ("ssid", "password", "why"),
    [
        (SSID, "wrong-password", "refused the password"),
        ("elsewhere", PASSWORD, "not found"),
        (SSID, "short", "wifi.password: use 8 to 63 characters"),
        ("", PASSWORD, "wifi.ssid: use the network's name"),
    ],
)
def test_what_can_not_be_joined_changes_nothing(
    board: Board, node: Node, said: list[str], ssid: str, password: str, why: str
) -> None:
    files = {path: path.read_bytes() for path in node.flash.glob("config*")}
    with pytest.raises(RefusedError) as refused:
        board.join(ssid, password)
    assert refused.value.error == Error.NOT_JOINED
    assert any(why in each for each in said), said
    assert board.state(1) == State.READY
    assert {path: path.read_bytes() for path in node.flash.glob("config*")} == files
    assert board.join(SSID, PASSWORD)  # and the right ones work then


def test_noise_and_ctrl_c(board: Board, node: Node, port: serial.Serial, said: list[str]) -> None:
    """100,000 bytes of noise; without 0x03, which is Ctrl-C when it comes after a pause."""
    noise = bytes(each for each in random.Random(1).randbytes(100_000) if each != 3)
    writer = threading.Thread(target=port.write, args=(noise,))
    writer.start()
    while writer.is_alive():
        port.read(4096)
    assert board.state(10) == State.READY
    assert not [each for each in said if "Traceback" in each]
    time.sleep(0.2)  # a silence: then it is a person's, or mpremote's
    port.write(b"\r\x03")
    end = time.monotonic() + 10
    while not node.bench.ended and time.monotonic() < end:
        board.listen(0.2)
    assert node.bench.ended
    assert "Petrel: stopped; machine.reset() starts it again" in said


def test_a_config_that_is_sent_meanwhile_counts(board: Board, node: Node, said: list[str]) -> None:
    """Reset, as a deploy does it."""
    node.write_config(node.config(sensors=[LIGHT]))
    node.bench.reset()
    node.wait("light")
    assert board.state(2) is None  # a configured node has no ear for it


def petrel(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", "provision", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, text=True, input="", timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


def test_the_command_without_questions(line: Line, node: Node) -> None:
    done = petrel("--port", line.port, "--ssid", SSID, PETREL_WIFI_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stdout
    assert f'The board has joined "{SSID}" and saved it. Its address is 127.0.0.1.' in done.stdout
    assert PASSWORD not in done.stdout
    node.wait("light")


def test_the_command_says_why_it_failed(line: Line, node: Node) -> None:
    done = petrel("--port", line.port, "--ssid", SSID, PETREL_WIFI_PASSWORD="wrong-one")
    assert done.returncode == 1
    assert "refused the password" in done.stdout
    assert "Nothing was saved" in done.stdout
    assert config_of(node)["wifi"] == {}


def test_the_command_asks_and_asks_again(line: Line, node: Node) -> None:
    """A person picks the network by its number, and mistypes the password."""
    environment = {k: v for k, v in os.environ.items() if k != "PETREL_WIFI_PASSWORD"}
    master, slave = pty.openpty()  # click reads a hidden password from a terminal
    process = popen(
        [sys.executable, "-m", "tools", "provision", "--port", line.port],
        cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    shown = ""

    def wait(text: str) -> None:
        nonlocal shown
        while text not in shown:
            shown += os.read(master, 4096).decode(errors="replace")
        shown = shown.partition(text)[2]

    try:
        wait("by number or name")
        os.write(master, b"1\n")
        wait("Password of")
        os.write(master, b"wrong-password\n")
        wait("Nothing was saved. Try again.")
        wait("by number or name")
        os.write(master, f"{SSID}\n".encode())
        wait("Password of")
        os.write(master, f"{PASSWORD}\n".encode())
        wait("Its address is 127.0.0.1")
        assert PASSWORD not in shown
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    node.wait("light")


NOISE = (
    b"ets Jun  8 2016 00:22:57\r\n",
    b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n",
    b"\xfe\x00\x8cIMPRO \xc0\r\n",
    b"Petrel: something to say\n\n",
)


def test_the_client_of_esp_web_tools(line: Line, node: Node) -> None:
    """npm's SDK itself, while boot noise and log lines come between the packets."""
    try:
        program, module = improv_sdk.node(), improv_sdk.sdk()
    except ToolError as error:
        pytest.skip(f"NOT RUN, the real client of Improv: {error}")
    command = [program, str(SDK_SCRIPT), str(module), SSID, PASSWORD]
    with popen(command, stdin=line.host, stdout=line.host, stderr=subprocess.PIPE) as process:
        done = threading.Event()

        def noise() -> None:
            for number in itertools.count():
                if done.wait(0.05):
                    return
                os.write(line.board, NOISE[number % len(NOISE)])

        thread = threading.Thread(target=noise)
        thread.start()
        try:
            _, said = process.communicate(timeout=60)
        finally:
            done.set()
            thread.join()
    assert process.returncode == 0, said
    told: dict[str, Any] = {}
    for each in said.splitlines():
        told.update(json.loads(each))
    assert (told["info"]["firmware"], told["info"]["name"]) == ("Petrel", "n1")
    assert told["scan"] == [{"name": SSID, "rssi": -50, "secured": True}]
    assert told["wrong"] == {"refused": "UNABLE_TO_CONNECT"}
    assert told["hostname"] == told["network"] == {"refused": "UNKNOWN_RPC_COMMAND"}
    assert told["right"] == {}, told  # no reason against it, and no page to go to
    assert not told["url"]
    assert told["states"] == [2, 3, 2, 3, 4, 4], told
    assert told["errors"] == []
    assert config_of(node)["wifi"] == WIFI
    node.wait("light")


def test_it_takes_at_most_two_and_a_half_kilobytes_of_an_esp8266(tmp_path: Path) -> None:
    """While it waits, with its files in RAM; all of it fits its heap, and nothing stays."""
    if NO_32.exists():
        pytest.skip(f"no 32-bit MicroPython: {NO_32.read_text()}")
    (tmp_path / "lib").symlink_to(build("ESP8266_GENERIC", quiet=True) / "lib")
    config = {"node": "n1", "wifi": {}, "mqtt": {"host": "b"}, "sensors": []}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = [str(MICROPYTHON["32"]), "-X", "heapsize=38K", str(RAM_SCRIPT)]
    board, host = pty.openpty()
    tty.setraw(host)
    printed: list[str] = []
    with popen(command, cwd=tmp_path, stdin=host, stdout=host) as process:
        client = Board(Pipe(board), printed.append)
        for _ in range(2):
            assert client.state(10) == State.READY, printed
            client.info()
            assert [name for name, *_ in client.scan()] == ["other", "home"]
            with pytest.raises(RefusedError):
                client.join("home", "wrong-one")
            assert client.join("home", "password") == ["", "192.168.1.5"]
            client.listen(4)
        process.wait(10)
    os.close(host)
    os.close(board)
    waiting, left = (int(each) for each in printed[-1].split())
    assert waiting <= 2560, printed
    assert left <= 0, printed


def test_a_board_that_does_not_answer(line: Line) -> None:
    done = petrel("--port", line.port, "--ssid", SSID, "--wait", "1")
    assert done.returncode == 1
    assert 'its config has "wifi": {}' in done.stdout
