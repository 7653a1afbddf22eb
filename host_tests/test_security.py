"""What an attacker could try, and what a node must not tell. See docs/security.md."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_tests.faults.proxy import Proxy
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.errors import ToolError
from tools.shared.paths import FIRMWARE, LIB, ROOT
from tools.talk.dialog import signed
from tools.talk.send import command as send

SECRET = "canary-of-the-commands"
PASSWORD = "canary-of-the-broker"
WIFI = {"ssid": "bench", "password": "canary-of-the-wifi"}


@pytest.fixture
def guarded(tmp_path: Path, broker: Broker, seen: Subscriber) -> Iterator[Node]:
    """A node with secrets in all places, behind a proxy that keeps what it says."""
    with Proxy((broker.host, broker.port)) as proxy:
        node = make_node(tmp_path, WIDTHS[-1], broker, seen, air=("127.0.0.1", proxy.port))
        node.bench.world.wifi["password"] = WIFI["password"]
        node.proxy = proxy  # type: ignore[attr-defined]
        with node.bench:
            yield node


def config(node: Node, **changes: object) -> dict[str, object]:
    mqtt = {**node.config()["mqtt"], "user": "n1", "password": PASSWORD}
    commands = {"secret": SECRET}
    whole = {"wifi": WIFI, "mqtt": mqtt, "commands": commands, "sensors": [LIGHT], **changes}
    return node.config(**whole)


def order(node: Node, name: str, payload: str = "", number: int | None = None) -> bytes:
    """A signed command as `make send` makes it."""
    topic = f"petrel/{node.name}/cmd/{name}"
    count = time.time_ns() // 1_000_000 if number is None else number
    return signed(SECRET, topic, payload.encode(), count)


def test_secrets_are_told_to_nobody(guarded: Node) -> None:
    """Not at the console, in no message, in no reply; the password is in CONNECT alone."""
    node = guarded
    faulty = config(node, wifi={**WIFI, "password": "canary-7"[:7]})
    node.write_config({**faulty, "commands": {"secret": "canary-short"}, "mqtt": {"password": 1}})
    node.bench.power_on()
    node.bench.wait_for_line("not started")
    node.write_config(config(node, wifi={**WIFI, "password": "canary-of-another"}))
    node.bench.power_cut()
    node.bench.wait_for_line("refused the password", 30)
    node.write_config(config(node))
    node.bench.power_cut()
    node.wait("light")
    for name in ("ping", "read", "interval", "diagnostics", "config", "wifi", "nonsense"):
        for payload in ("", "wifi", '{"sensor": "password", "seconds": 5}', SECRET[:4]):
            reply = order(node, name, payload)
            start = len(node.seen.messages)
            node.seen.publish(f"petrel/n1/cmd/{name}", reply.decode())
            node.wait(f"reply/{name}", start=start)
            time.sleep(0.25)  # below the limit of five a second
    said = "\n".join(node.bench.lines)
    published = [p for topic, p in node.seen.messages if "/cmd/" not in topic]
    assert "canary" not in said
    assert "canary" not in "\n".join(published)
    proxy: Proxy = node.proxy  # type: ignore[attr-defined]
    wire = bytes(proxy.said)
    assert wire.count(b"canary") == wire.count(PASSWORD.encode()) == proxy.connections
    for kept in ("crash.txt", "counter.txt"):
        if (node.flash / kept).exists():
            assert b"canary" not in (node.flash / kept).read_bytes()


def test_commands_that_are_not_to_be_trusted(guarded: Node) -> None:
    node = guarded
    node.write_config(config(node))
    node.bench.power_on()
    node.wait("light")
    old = order(node, "ping")
    assert node.command("ping", old.decode())["ok"]
    bad = {
        "replayed": old.decode(),
        "not signed": "now",
        "signed for another command": order(node, "interval").decode(),
        "signed with another secret": signed("x" * 16, "petrel/n1/cmd/ping", b"", 2**45).decode(),
        "an older number": order(node, "ping", number=5).decode(),
        "empty": "",
        "deeply nested": "[" * 200,
        "zeros": "0" * 64 + " 0 ",
    }
    for what, payload in bad.items():
        reply = node.command("ping", payload)
        assert not reply["ok"], what
    assert not node.command("interval", order(node, "interval", "[" * 100).decode())["ok"]
    assert not node.command("interval", order(node, "interval", "no JSON").decode())["ok"]
    node.seen.publish("petrel/n1/cmd/ping", "x" * 5000)  # larger than the buffer
    node.seen.publish("petrel/n1/cmdx/reboot", order(node, "reboot").decode())
    node.seen.publish("petrel/other/cmd/reboot", order(node, "reboot").decode())
    start = len(node.seen.messages)
    node.seen.publish("petrel/n1/cmd/diagnostics", order(node, "diagnostics").decode())
    diagnostics = node.wait("diagnostics", start=start)
    assert diagnostics["drops"] >= len(bad)
    assert diagnostics["skipped"] == 1
    assert node.bench.resets == ["power on", "soft"]
    assert not any("Traceback" in line for line in node.bench.lines)


def test_a_replay_is_refused_after_a_power_cut_too(guarded: Node) -> None:
    node = guarded
    node.write_config(config(node))
    node.bench.power_on()
    node.wait("light")
    old = order(node, "ping").decode()
    assert node.command("ping", old)["ok"]
    start = len(node.seen.messages)
    node.bench.power_cut()
    node.wait("diagnostics", start=start)  # by then it takes commands
    assert "not larger" in node.command("ping", old)["error"]


@pytest.mark.parametrize(
    "name", ["../boot", "/etc/passwd", "boot.py", "x" * 90, "a b", "é" * 20, "__import__", ""]
)
def test_names_from_outside_reach_no_file_and_no_code(running: Node, name: str) -> None:
    before = {path.name for path in running.flash.rglob("*")}
    start = len(running.seen.messages)
    running.seen.publish(f"petrel/n1/cmd/{name}", name)
    reply = running.wait("reply/" + name[:32], start=start)
    assert not reply["ok"] and "no command" in reply["error"]
    for payload in (name, json.dumps({"sensor": name, "seconds": 5})):
        assert not running.command("interval", payload)["ok"]
        if name:
            assert not running.command("read", name)["ok"]
    assert {path.name for path in running.flash.rglob("*")} == before


def test_nothing_is_evaluated() -> None:
    """No eval, exec or compile in all device code, and imports by a name in seven places."""
    by_name = []
    for path in (*LIB.rglob("*.py"), *FIRMWARE.rglob("*.py")):
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
                assert each.func.id not in ("eval", "exec", "compile", "execfile"), path
                if each.func.id == "__import__" and not isinstance(each.args[0], ast.Constant):
                    by_name.append(f"{path.parent.name}/{path.name}")
    # A driver's name is checked to be letters, digits and _. The modules that an overlay is, and
    # those that health/room.py loads beforehand, are named in the code. The boot stage imports the
    # reader of the slot that it starts, from the flash.
    assert sorted(by_name) == [
        "config/fields.py", "config/named.py", "config/schema.py", "firmware/stage.py",
        "health/room.py", "node/overlay.py", "start/sensors.py",
    ]  # fmt: skip


def test_make_send_signs_and_shows_the_reply(
    guarded: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = guarded
    node.write_config(config(node))
    node.bench.power_on()
    node.wait("light")
    where = ["--host", f"{node.broker.host}:{node.broker.port}"]
    done = CliRunner().invoke(send, ["n1", "read", "light", *where, "--wait", "4"])
    assert '"ok": false' in done.output and "not signed" in done.output
    assert isinstance(done.exception, ToolError)
    assert "PETREL_SECRET" in done.exception.hint
    monkeypatch.setenv("PETREL_SECRET", SECRET)
    done = CliRunner().invoke(send, ["n1", "read", "light", *where])
    assert '"ok": true' in done.output, done.output


def test_rules_of_the_document_keep_nodes_apart(tmp_path: Path) -> None:
    """The acl_file that docs/security.md gives, at a real broker."""
    page = (ROOT / "docs" / "security.md").read_text()
    rules = page.split("`acl_file`:\n", 1)[1]
    acl = tmp_path / "acl"
    acl.write_text("".join(re.findall(r"^    (.*\n)", rules, re.M)))
    acl.chmod(0o600)
    users = {name: f"{name}-password" for name in ("n1", "n2", "operator", "dashboard")}

    def login(name: str) -> tuple[str, str]:
        return name, users[name]

    with (
        Broker(users=users, settings=(f"acl_file {acl}",)) as broker,
        Subscriber(broker, login=login("operator")) as operator,
        Subscriber(broker, login=login("dashboard")) as dashboard,
        Subscriber(broker, "petrel/n1/#", login=login("n2")) as other,
    ):
        node = make_node(tmp_path / "flash", WIDTHS[-1], broker, operator)
        with node.bench:
            mqtt = {**node.config()["mqtt"], "user": "n1", "password": users["n1"]}
            node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT]))
            node.bench.power_on()
            node.wait("light")
            other.publish("petrel/n1/cmd/reboot", "")
            other.publish("petrel/n1/light", "forged")
            dashboard.publish("petrel/n1/cmd/reboot", "")
            assert node.command("ping")["ok"]
            dashboard.wait("petrel/n1/light")
            assert node.bench.resets == ["power on", "soft"]
            assert "forged" not in [payload for _, payload in operator.messages]
            assert not other.messages


def test_a_password_of_a_thousand_characters(tmp_path: Path) -> None:
    """A JWT, as some brokers want it."""
    token = "e" * 1000
    with (
        Broker(users={"n1": token}) as broker,
        Subscriber(broker, login=("n1", token)) as listener,
    ):
        node = make_node(tmp_path / "flash", WIDTHS[-1], broker, listener)
        with node.bench:
            mqtt = {**node.config()["mqtt"], "user": "n1", "password": token}
            node.write_config(node.config(mqtt=mqtt, sensors=[LIGHT]))
            node.bench.power_on()
            node.wait("light")
