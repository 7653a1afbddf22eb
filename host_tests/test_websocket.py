"""MQTT over WebSocket, with and without TLS, against a real Mosquitto."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from host_tests.harness.interpreter import Interpreter
from tools.play.broker import Broker

SCRIPT = Path(__file__).parent / "scripts" / "transport_websocket.py"
SIZES = (20, 200, 5000)  # within one small frame, one with a longer length, and many
CLIENTS = pytest.mark.parametrize("client", ["blocking", "asyncio"])


@pytest.fixture
def plain() -> Iterator[Broker]:
    with Broker(settings=("protocol websockets",)) as broker:
        yield broker


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Broker, Path]]:
    """A broker whose certificate is for broker.test, and the authority that signed it."""
    authority = trustme.CA()
    now = datetime.now(UTC)
    ends = now + timedelta(days=1)
    issued = authority.issue_cert("broker.test", not_before=now - timedelta(1), not_after=ends)
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    settings = ("protocol websockets", f"certfile {cert}", f"keyfile {key}")
    with Broker(settings=settings) as broker:
        yield broker, ca


def outcome(interpreter: Interpreter, url: str, client: str, size: int, ca: object = "-") -> str:
    done = interpreter.run(SCRIPT, url, client, str(size), str(ca), heap="512K")
    assert done.stdout, done.stderr
    return done.stdout.strip()


@CLIENTS
@pytest.mark.parametrize("size", SIZES)
def test_messages_of_any_size_both_ways(
    size: int, client: str, interpreter: Interpreter, plain: Broker
) -> None:
    assert outcome(interpreter, f"ws://127.0.0.1:{plain.port}/mqtt", client, size) == "done"


@CLIENTS
def test_over_tls(client: str, interpreter: Interpreter, secured: tuple[Broker, Path]) -> None:
    broker, ca = secured
    assert outcome(interpreter, f"wss://127.0.0.1:{broker.port}", client, 3000, ca) == "done"


def test_tls_verifies(
    interpreter: Interpreter, secured: tuple[Broker, Path], tmp_path: Path
) -> None:
    broker, _ = secured
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    url = f"wss://127.0.0.1:{broker.port}"
    assert outcome(interpreter, url, "blocking", 20, other).startswith("refused")


class _NoWebSocket(http.server.BaseHTTPRequestHandler):
    """A web server that knows of no WebSocket."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@CLIENTS
def test_a_server_that_does_not_agree(client: str, interpreter: Interpreter) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _NoWebSocket) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            said = outcome(interpreter, f"ws://127.0.0.1:{server.server_port}/", client, 20)
        finally:
            server.shutdown()
            thread.join()
    assert said.startswith("refused") and "404" in said


@CLIENTS
def test_a_broker_without_websockets(
    client: str, interpreter: Interpreter, broker: Broker
) -> None:
    said = outcome(interpreter, f"ws://127.0.0.1:{broker.port}/", client, 20)
    assert said.startswith("refused")
