"""The log of a whole node: over MQTT as it happens, on demand, and over a restart."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from host_tests.harness.node import LIGHT, Node
from host_tests.test_ends import CRASHING
from host_tests.test_send import Answering, at, run
from tools.play.broker import Broker
from tools.shared.paths import ROOT
from tools.shared.process import popen
from tools.talk.readings import parse


def _lines(node: Node, start: int = 0) -> list[dict[str, Any]]:
    topic = f"petrel/{node.name}/log"
    return [parse(payload) for at, payload in node.seen.messages[start:] if at == topic]


def _running(node: Node, **config: Any) -> Node:
    node.write_config(node.config(**config))
    node.bench.power_on()
    node.wait("light", 60)
    return node


def test_a_node_that_is_not_asked_publishes_no_log(node: Node) -> None:
    _running(node)
    node.obeys()
    assert not _lines(node)


def test_what_the_node_says_is_published_with_its_level_and_time(node: Node) -> None:
    _running(node, log="info")
    line = node.wait("log", text="connected")
    reading = node.wait("light")
    assert line["level"] == "info" and "again" not in line
    assert line["boot"] == reading["boot"]
    assert abs(line["time"] - reading["time"]) < 60
    told = (ROOT / "docs" / "logs.md").read_text()
    assert [name for name in line if f"`{name}`" not in told] == []


def test_what_was_said_in_an_outage_follows_it(node: Node) -> None:
    _running(node, log="info")
    node.wait("log", text="connected")
    start = len(node.seen.messages)
    node.bench.relay_cut()
    node.wait("log", start=start, level="warning")
    found = [(line["level"], line["text"]) for line in _lines(node, start)]
    assert found[0][1].startswith("not connected: "), found
    node.wait("log", start=start, text="connected")


def test_a_crash_is_told_after_the_restart(node: Node) -> None:
    (node.flash / "lib/sensors/crashing.py").write_text(CRASHING)
    odd = {"name": "odd", "driver": "crashing", "pin": 18, "interval": 0.2}
    node.write_config(node.config(sensors=[LIGHT, odd], log="error"))
    node.bench.power_on()
    line = node.wait("log", 60, level="error")  # in safe mode: it crashes before it connects
    assert line["text"].startswith("TypeError: ") and "at network" in line["text"], line
    safe = node.wait("log", text=f"safe mode: {line['text']}")
    assert safe["boot"] != line["boot"], "the line is not of the start before"


def test_someone_asks_for_the_log_of_a_running_node(node: Node) -> None:
    _running(node)
    node.obeys()
    start = len(node.seen.messages)
    assert node.command("log") == {"ok": True, "level": "info", "lines": 0}
    node.command("identify")
    assert node.wait("log", start=start)["text"] == f"petrel/{node.name}/"
    assert node.command("log", "off")["level"] == "off"
    start = len(node.seen.messages)
    node.command("identify")
    node.command("ping")
    assert not _lines(node, start)
    assert "debug" in node.command("log", "debug")["error"]


# --- make logs


def test_logs_shows_what_a_node_says_until_ctrl_c(node: Node) -> None:
    _running(node, log="warning")
    node.obeys()
    command = [sys.executable, "-m", "tools", "logs", node.name, *at(node.broker)]
    process = popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout
        node.wait("reply/log", 60, ok=True)
        node.command("identify")
        line = process.stdout.readline()
        assert re.fullmatch(rf"[\d-]{{10}} [\d:]{{8}}  info     petrel/{node.name}/\n", line), line
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
        assert rest == "" and said.endswith("\nstopped\n") and "Traceback" not in said, said
    finally:
        process.kill()
        process.communicate()


def test_logs_signs_what_it_asks_where_the_node_wants_that(node: Node) -> None:
    secret = "a secret of a node"
    node.write_config(node.config(commands={"secret": secret}, log="info"))
    node.bench.power_on()
    node.wait("log", 60, text="connected")
    done = run("logs", node.name, *at(node.broker), "--seconds", "1", PETREL_SECRET=secret)
    assert done.returncode == 0 and "Ctrl-C ends" in done.stderr, done.stderr
    assert "info     connected\n" in done.stdout
    done = run("logs", node.name, *at(node.broker))
    assert done.returncode == 1
    assert "give its commands.secret as PETREL_SECRET" in done.stderr


def test_logs_says_what_to_do_if_no_node_answers(broker: Broker) -> None:
    done = run("logs", "n2", *at(broker), "--wait", "0.3")
    assert done.returncode == 1
    assert "no answer from petrel/n2 within 0.3 s" in done.stderr and "make monitor" in done.stderr


@pytest.mark.parametrize(
    ("error", "advice"),
    [("no command 'log'; there are ping", "newer Petrel"), ("not signed: x", "PETREL_SECRET")],
)
def test_logs_says_why_a_node_refuses(broker: Broker, error: str, advice: str) -> None:
    with Answering(broker, {"ok": False, "error": error}):
        done = run("logs", "n1", *at(broker))
    assert done.returncode == 1
    assert error in done.stderr and advice in done.stderr
