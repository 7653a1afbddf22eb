"""The brokers' own set-up: on loopback, on the same port again, and gone when they are done."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from host_tests.interop.peer import Peer
from host_tests.interop.test_interop import QUICK
from tools.lab.brokers.base import RealBroker
from tools.shared.errors import ToolError


@pytest.fixture(params=QUICK, ids=lambda kind: str(kind.title))
def stopped(request: pytest.FixtureRequest) -> Iterator[RealBroker]:
    """A broker that is installed and does not run."""
    broker: RealBroker = request.param()
    try:
        broker.install()
    except ToolError as error:
        pytest.skip(f"{broker.title} cannot be had: {error.message}")
    yield broker
    broker.__exit__(None, None, None)


def test_restarted_broker_answers_on_its_old_port(stopped: RealBroker) -> None:
    stopped.start()
    port = stopped.port
    stopped.restart()
    assert stopped.port == port
    with Peer(stopped.host, port) as peer:
        peer.subscribe("there")
        peer.publish("there", "yes")
        peer.wait("there", "yes")


def test_broker_listens_on_loopback_alone(stopped: RealBroker) -> None:
    stopped.start()
    assert stopped._process
    addresses = listening(stopped._process.pid)
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}, addresses


def test_stopped_broker_leaves_nothing(stopped: RealBroker) -> None:
    with stopped:
        process, folder = stopped._process, stopped._folder
    assert process and process.poll() is not None
    assert folder and not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((stopped.host, stopped.port), 5)


def test_broker_that_ends_at_once_says_why() -> None:
    class Broken(RealBroker):
        """A broker that fails."""

        title: ClassVar[str] = "Broken"

        def _check_installed(self) -> None:
            pass

        def _command(self, conf: Path) -> list[str]:
            return ["/bin/sh", "-c", "echo no room >&2; exit 1"]

    broken = Broken()
    with pytest.raises(ToolError, match=r"Broken does not start\n  .*no room"):
        broken.__enter__()
    assert broken._folder
    assert not broken._folder.exists()


def listening(pid: int) -> set[str]:
    """The addresses at which a process waits for TCP connections."""
    inodes = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = str(path.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
        if name.startswith("socket:["):
            inodes.add(name[8:-1])
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(address(family, fields[1].partition(":")[0]))
    return found


def address(family: int, digits: str) -> str:
    """An address as /proc has it: 32-bit words in this machine's order."""
    words = [digits[i : i + 8] for i in range(0, len(digits), 8)]
    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
    return socket.inet_ntop(family, packed)
