"""`send` and what it shares with `monitor` and `bridge`: TLS, logins, and errors that help."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion

from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.talk.connection import address


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
    )


def at(broker: Broker, name: str = "127.0.0.1") -> list[str]:
    return ["--host", f"{name}:{broker.port}"]


class Answering:
    """A node that gives the same reply to every command; a context manager."""

    def __init__(self, broker: Broker, reply: object) -> None:
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)

        def on_message(client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
            topic = message.topic.replace("/cmd/", "/reply/")
            client.publish(topic, json.dumps(reply), qos=1)

        self._client.on_message = on_message
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect(broker.host, broker.port)
        self._client.subscribe("petrel/n1/cmd/#", 1)
        self._client.loop_start()
        assert ready.wait(10)

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


# --- what the node answers


def test_a_command_that_was_obeyed_is_a_success(broker: Broker) -> None:
    with Answering(broker, {"ok": True, "uptime": 7}):
        done = run("send", "n1", "ping", *at(broker))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"ok": True, "uptime": 7}


@pytest.mark.parametrize("reply", [{"ok": False, "error": "no sensor 'x'"}, ["ok"], {"ok": "yes"}])
def test_a_command_that_was_not_obeyed_is_a_failure(broker: Broker, reply: object) -> None:
    with Answering(broker, reply):
        done = run("send", "n1", "read", "x", *at(broker))
    assert done.returncode == 1
    assert json.loads(done.stdout) == reply
    assert done.stderr.startswith("error: n1 refused read\n")


def test_no_reply_is_a_failure_that_says_what_to_look_at(broker: Broker) -> None:
    done = run("send", "n2", "ping", *at(broker), "--wait", "0.2")
    assert done.returncode == 1
    assert "no reply from petrel/n2 within 0.2 s" in done.stderr and "online" in done.stderr


@pytest.mark.parametrize("node", ["+", "#", "a/b", "n+"])
def test_a_node_that_is_none_is_refused_before_anything_is_sent(node: str) -> None:
    done = run("send", "--", node, "ping")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: NODE is {node!r}; it must be one name")


def test_a_node_that_is_left_out_is_asked_for() -> None:
    done = run("send", "--", "", "ping")
    assert done.returncode == 1
    assert done.stderr.startswith("error: NODE is missing")


def test_make_says_which_node_is_missing() -> None:
    done = subprocess.run(
        ["make", "send", "COMMAND=ping"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode
    assert "NODE is missing" in done.stderr


# --- the way to the broker


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, leaf in (("broker", ca.issue_cert("localhost")), ("me", ca.issue_cert("me"))):
        leaf.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
        leaf.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
    return ca


@pytest.fixture
def secure(
    authority: trustme.CA, tmp_path: Path, broker_factory: Callable[..., Broker]
) -> Iterator[Broker]:
    """A broker with TLS that wants a client certificate."""
    lines = (
        f"cafile {tmp_path / 'ca.pem'}",
        f"certfile {tmp_path / 'broker.pem'}",
        f"keyfile {tmp_path / 'broker.key'}",
        "require_certificate true",
    )
    yield broker_factory(settings=lines)


def test_tls_with_a_client_certificate(secure: Broker, tmp_path: Path) -> None:
    files = ["--ca", str(tmp_path / "ca.pem"), "--cert", str(tmp_path / "me.pem")]
    files += ["--key", str(tmp_path / "me.key")]
    done = run("monitor", "--plain", "--seconds", "0.5", *at(secure, "localhost"), *files)
    assert done.returncode == 0, done.stderr
    done = run("send", "n1", "ping", *at(secure, "localhost"), *files, "--wait", "0.3")
    assert "no reply from petrel/n1" in done.stderr


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("localhost", ["--tls"], "isn't accepted: "),
        ("127.0.0.1", ["--ca", "ca.pem"], "isn't accepted: IP address mismatch"),
        ("localhost", [], "doesn't answer as an MQTT broker|no broker at"),
    ],
    ids=["unknown authority", "another name", "without TLS"],
)
def test_a_broker_that_cannot_be_trusted(
    secure: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, options: list[str], said: str,
) -> None:  # fmt: skip
    import re

    given = [str(tmp_path / each) if each.endswith(".pem") else each for each in options]
    done = run("monitor", "--plain", "--seconds", "0.5", *at(secure, name), *given)
    assert done.returncode == 1
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_tls_to_a_port_without_it_is_said(broker: Broker) -> None:
    done = run("monitor", "--plain", *at(broker), "--tls")
    assert done.returncode == 1
    assert "--no-tls" in done.stderr


def test_files_that_do_not_belong_together(authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"me\.pem and .*broker\.key: the certificate and key"):
        address("b", cert=tmp_path / "me.pem", key=tmp_path / "broker.key")
    with pytest.raises(ToolError, match="is not a certificate in PEM"):
        address("b", ca=tmp_path / "me.key")
    with pytest.raises(ToolError, match="--key needs --cert"):
        address("b", key=tmp_path / "me.key")


@pytest.mark.parametrize(
    ("host", "name", "port", "secure"),
    [
        ("broker", "broker", 1883, False),
        ("broker:1884", "broker", 1884, False),
        ("broker:8883", "broker", 8883, True),
        ("::1", "::1", 1883, False),
        ("[::1]:1885", "::1", 1885, False),
    ],
)
def test_where_a_broker_is(host: str, name: str, port: int, secure: bool) -> None:
    found = address(host)
    assert (found.host, found.port, found.context is not None) == (name, port, secure)


@pytest.mark.parametrize("host", ["", ":1883", "b:x", "b:0", "b:65536", "mqtt://b"])
def test_what_is_no_broker(host: str) -> None:
    with pytest.raises(ToolError, match="the broker"):
        address(host)
