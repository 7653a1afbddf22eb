"""A connection that does not come about is explained: host, port, what it was, and what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from host_tests.harness.interpreter import Interpreter
from host_tests.harness.node import LIGHT, Node
from tools.play.broker import Broker

SIMPLE = """
import sys
from mqtt.simple import MQTTClient
more = {}
if sys.argv[3:]:
    import tls
    more["ssl"] = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    more["ssl"].verify_mode = tls.CERT_NONE
client = MQTTClient("c", sys.argv[1], int(sys.argv[2]), **more)
for _ in range(2):
    try:
        client.connect(timeout=1)
    except OSError as error:
        print(error)
"""


@pytest.fixture
def server() -> Iterator[Callable[[bytes], int]]:
    """Starts servers that answer what they are sent with some bytes, and returns their port."""
    listeners: list[socket.socket] = []

    def start(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)
                    if not answer:
                        connection.recv(4096)  # until the client gives up

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def closed() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def said(machine: Interpreter, host: str, port: int, *more: str) -> list[str]:
    done = machine.run(SIMPLE, host, str(port), *more, heap="128K")  # TLS takes much
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{host}:{port}") for line in lines), lines
    return lines


def test_refused(interpreter: Interpreter, closed: int) -> None:
    for line in said(interpreter, "127.0.0.1", closed):
        assert "refused the connection. Check that the broker runs" in line


def test_a_name_that_nobody_knows(interpreter: Interpreter) -> None:
    for line in said(interpreter, "no.such.host.invalid", 1883):
        assert "is not known" in line and "give the address" in line


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n" + b"x" * 80, b"HTTP/1.0 400 No\r\n"]
)
def test_a_web_server(
    interpreter: Interpreter, server: Callable[[bytes], int], answer: bytes
) -> None:
    for line in said(interpreter, "127.0.0.1", server(answer)):
        assert "is a web server. Give the port for MQTT" in line


def test_without_tls_to_a_port_for_tls(
    interpreter: Interpreter, server: Callable[[bytes], int]
) -> None:
    for line in said(interpreter, "127.0.0.1", server(b"\x15\x03\x01\x00\x02\x02\x46")):
        assert "wants TLS" in line


def test_tls_to_a_port_without(interpreter: Interpreter, broker: Broker) -> None:
    for line in said(interpreter, "127.0.0.1", broker.port, "TLS"):
        assert "broke off TLS" in line and "8883" in line


def test_tls_to_a_web_server(interpreter: Interpreter, server: Callable[[bytes], int]) -> None:
    for line in said(interpreter, "127.0.0.1", server(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "TLS"):
        assert "broke off TLS (SSL - An invalid SSL record was received)" in line


def test_one_that_says_nothing(interpreter: Interpreter, server: Callable[[bytes], int]) -> None:
    for line in said(interpreter, "127.0.0.1", server(b"")):
        assert "says nothing" in line and "Is it an MQTT broker, without TLS?" in line


def test_the_node_tells_it_in_its_log_and_in_its_diagnostics(node: Node, closed: int) -> None:
    hosts = [f"127.0.0.1:{closed}", f"127.0.0.1:{node.bench.relay_port}"]
    node.write_config(node.config(sensors=[LIGHT], ntp="", mqtt={"host": hosts}))
    node.bench.power_on()
    wanted = (
        f"127.0.0.1:{closed} refused the connection. Check that the broker runs, and its port."
    )
    node.bench.wait_for_line(f"Petrel: not connected: {wanted}")
    assert node.wait("diagnostics")["error"] == wanted
