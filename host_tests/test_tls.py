"""TLS against a real Mosquitto with a certificate authority of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tests.harness.authority import DAY, NOW, Authority
from host_tests.harness.interpreter import Interpreter
from tools.play.broker import Broker

SCRIPT = Path(__file__).parent / "scripts" / "transport_tls.py"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


Start = Callable[..., Broker]


@pytest.fixture
def secured(authority: Authority) -> Iterator[Start]:
    """Starts a broker with a certificate; it is gone after the test."""
    running: list[Broker] = []

    def start(cert: Path, key: Path, *settings: str) -> Broker:
        broker = Broker(
            settings=(
                f"certfile {cert}",
                f"keyfile {key}",
                f"cafile {authority.file}",
                *settings,
            )
        )
        running.append(broker)
        broker.start()
        return broker

    yield start
    for broker in running:
        broker.__exit__(None, None, None)


CLIENTS = pytest.mark.parametrize("client", ["blocking", "asyncio"])


def outcome(
    interpreter: Interpreter, broker: Broker, client: str, name: str, *files: object
) -> str:
    words = [*(str(file) for file in files), "-", "-"][:3]
    done = interpreter.run(SCRIPT, str(broker.port), client, name, *words, heap="512K")
    assert done.stdout, done.stderr
    return " ".join(done.stdout.split())


@CLIENTS
def test_a_good_certificate_and_messages_of_many_records(
    client: str, interpreter: Interpreter, authority: Authority, secured: Start
) -> None:
    broker = secured(*authority.issue("broker.test"))
    assert outcome(interpreter, broker, client, "broker.test", authority.file) == "done"


@CLIENTS
@pytest.mark.parametrize(
    "fault", ["another name", "expired", "not yet valid", "another authority"]
)
def test_a_certificate_that_does_not_hold_is_refused_before_connect(
    fault: str,
    client: str,
    interpreter: Interpreter,
    authority: Authority,
    secured: Start,
    tmp_path: Path,
) -> None:
    name = "broker.test"
    trusted = authority.file
    issued = authority.issue(name)
    if fault == "another name":
        name = "other.test"
    elif fault == "expired":
        issued = authority.issue(name, NOW - 9 * DAY, NOW - DAY)
    elif fault == "not yet valid":
        issued = authority.issue(name, NOW + DAY, NOW + 9 * DAY)
    else:
        (tmp_path / "other").mkdir()
        trusted = Authority(tmp_path / "other").file
    broker = secured(*issued)
    assert outcome(interpreter, broker, client, name, trusted).startswith("refused ")
    assert not [line for line in broker.log if "as tls" in line], "CONNECT was sent"


@CLIENTS
def test_who_trusts_all_says_so(
    client: str, interpreter: Interpreter, authority: Authority, secured: Start
) -> None:
    broker = secured(*authority.issue("broker.test"))
    assert outcome(interpreter, broker, client, "anyone", "trust") == "done"


@CLIENTS
def test_a_certificate_of_our_own(
    client: str, interpreter: Interpreter, authority: Authority, secured: Start
) -> None:
    broker = secured(*authority.issue("broker.test"), "require_certificate true")
    ours = authority.issue("node.test")
    assert outcome(interpreter, broker, client, "broker.test", authority.file, *ours) == "done"
    without = outcome(interpreter, broker, client, "broker.test", authority.file)
    assert without.startswith("refused ")


def test_no_authority_is_refused_at_once(interpreter: Interpreter) -> None:
    done = interpreter.run(SCRIPT, "1", "blocking", "name", "-", "-", "-", heap="512K")
    assert "give ca=" in done.stderr + done.stdout
