"""`fleet send` and `fleet status`: hundreds of nodes at a real broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.harness.commands import Command
from tools.fleet import command as fleet
from tools.play.broker import Broker
from tools.talk.dialog import signed

SECRET = "sixteen characters"
FLEET = Command(fleet.command, hidden=SECRET)


def write(count: int) -> None:
    """A fleet of nodes n0, n1, ..., of which the first ten are the group "north"."""
    lines = ['template = "t.json"\nboard = "ESP32_GENERIC"\n[groups.north]\n[nodes]']
    for number in range(count):
        lines.append(f"n{number} = {{" + ('group = "north"' if number < 10 else "") + "}")
    Path("fleet.toml").write_text("\n".join(lines))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")


@contextmanager
def answering(broker: Broker, reply: Callable[[str, bytes], str | None]) -> Iterator[None]:
    """All nodes in one client. reply: what a node says to a payload; None: it is silent"""
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def on_message(client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        said = reply(message.topic.split("/")[1], bytes(message.payload))
        if said is not None:
            client.publish(message.topic.replace("/cmd/", "/reply/"), said)

    client.on_message = on_message
    client.on_subscribe = lambda *_: ready.set()
    client.connect(broker.host, broker.port)
    client.subscribe("petrel/+/cmd/#", 1)
    client.loop_start()
    assert ready.wait(60)
    yield
    client.disconnect()
    client.loop_stop()


def at(broker: Broker) -> tuple[str, str]:
    return "--host", f"127.0.0.1:{broker.port}"


def test_five_hundred_answer(broker: Broker) -> None:
    write(500)
    with answering(broker, lambda node, _: '{"ok": true}'):
        output = FLEET.said("send", "reboot", *at(broker))
    assert output.count(": ok\n") == 500 and "500 of 500 nodes obeyed" in output


def test_those_that_are_silent_at_the_deadline_are_named(broker: Broker) -> None:
    """Each of 500, though the line at the end has no room for all of them."""
    write(500)
    silent = {f"n{number}" for number in range(3, 500, 10)}
    with answering(broker, lambda node, _: None if node in silent else '{"ok": true}'):
        output = FLEET.refused("send", "reboot", "--wait", "20", *at(broker))
    assert "450 of 500 nodes obeyed; 50 silent: n3, n13" in output and "and 30 more" in output
    lines = output.splitlines()
    assert {line.partition(": ")[0] for line in lines if line.endswith(": silent")} == silent
    assert sum(line.endswith(": ok") for line in lines) == 450


def test_each_reply_is_shown_and_a_refusal_is_a_failure(broker: Broker) -> None:
    write(3)
    replies = {"n0": '{"ok": true, "uptime": 7}', "n1": '{"ok": false, "error": "no"}', "n2": "?"}
    with answering(broker, lambda node, _: replies[node]):
        output = FLEET.refused("send", "ping", *at(broker))
    assert 'n0: ok {"uptime": 7}' in output and 'n1: refused {"error": "no"}' in output
    assert "1 of 3 nodes obeyed; 2 refused: n1, n2" in output


def test_a_group_gets_the_payload_and_nobody_else_anything(broker: Broker) -> None:
    write(20)
    asked: dict[str, bytes] = {}
    with answering(broker, lambda node, text: asked.update({node: text}) or '{"ok": true}'):
        output = FLEET.said("send", "read", "north", "--payload", "light", *at(broker))
    assert "10 of 10 nodes obeyed" in output
    assert asked == {f"n{number}": b"light" for number in range(10)}


def test_commands_are_signed_where_the_config_has_a_secret(broker: Broker) -> None:
    write(2)
    Path("configs").mkdir()
    Path("configs/n0.json").write_text(json.dumps({"commands": {"secret": SECRET}}))
    asked: dict[str, bytes] = {}
    with answering(broker, lambda node, text: asked.update({node: text}) or '{"ok": true}'):
        FLEET.said("send", "ping", *at(broker))
    number = int(asked["n0"].split(b" ")[1])
    assert asked["n0"] == signed(SECRET, "petrel/n0/cmd/ping", b"", number)
    assert asked["n1"] == b""


def test_the_status_tells_who_is_off_and_what_runs_where(broker: Broker) -> None:
    write(4)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for number in range(3):
        state = {"state": "idle", "version": "0.2.0+11", "serial": 11}
        if number == 1:
            state |= {"state": "failed", "offered": 12, "error": "ImportError"}
        for what, said in (
            ("status", "online" if number else "offline"),
            ("diagnostics", json.dumps({"board": "ESP32_GENERIC" if number < 2 else "PYBV11"})),
            ("update/state", json.dumps(state)),
        ):
            client.publish(f"petrel/n{number}/{what}", said, 1, True).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    output = FLEET.said("status", *at(broker))
    lines = [line for line in output.splitlines() if "│ n" in line]
    assert ["offline" in line for line in lines] == [True, True, False, False]
    assert "failed 12" in lines[2] and "ImportError" in lines[2]
    assert "PYBV11, not ESP32_GENERIC" in lines[3]
    assert "2 of 4 online; 3 run 11, 1 run unknown" in output
