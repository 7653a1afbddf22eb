"""docs/recipes/node-red-flow.json: a reading goes in, and the command that it causes comes out."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.lab import npm
from tools.lab.nodered import PROGRAM
from tools.play.broker import Broker, free_port
from tools.play.subscriber import Subscriber
from tools.shared.paths import ROOT
from tools.shared.process import popen

FLOW = ROOT / "docs" / "recipes" / "node-red-flow.json"
SET = "petrel/greenhouse/cmd/set"
START_S = 120.0
SETTINGS = """
module.exports = {{
  uiHost: '127.0.0.1', uiPort: {port}, flowFile: 'flows.json', telemetry: {{ enabled: false }},
  httpAdminRoot: false, credentialSecret: false
}}
"""


class NodeRed:
    """A Node-RED with one flow, which is connected to a broker; a context manager."""

    def __init__(self, folder: Path, flow: list[dict[str, object]]) -> None:
        (folder / "flows.json").write_text(json.dumps(flow))
        (folder / "settings.js").write_text(SETTINGS.format(port=free_port()))
        self.log: list[str] = []
        self._connected = threading.Event()
        self._folder = folder

    def __enter__(self) -> NodeRed:
        self._process = popen(
            [npm.node(), str(PROGRAM), "--userDir", str(self._folder)],
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._connected.wait(START_S):
            self.__exit__()
            pytest.fail("Node-RED doesn't connect:\n" + "\n".join(self.log))
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(10)

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.log.append(line.rstrip())
                if "Connected to broker" in line:
                    self._connected.set()


@pytest.fixture
def node_red(broker: Broker, tmp_path: Path) -> Iterator[NodeRed]:
    """Node-RED with the documentation's flow, and the port of the test's broker."""
    if not PROGRAM.exists():
        pytest.fail("there is no Node-RED in .tools; make test-node-red fetches it")
    flow = json.loads(FLOW.read_text())
    (settings,) = (node for node in flow if node["type"] == "mqtt-broker")
    settings["port"] = str(broker.port)
    with NodeRed(tmp_path, flow) as running:
        yield running
    print(*running.log, sep="\n")


def test_readings_switch_the_fan(node_red: NodeRed, seen: Subscriber) -> None:
    assert switched(seen, 31.0) is True
    assert switched(seen, 27.5) is False
    start = len(seen.messages)
    publish(seen, 29.0)
    assert switched(seen, 30.5) is True
    assert [topic for topic, _ in seen.messages[start:]].count(SET) == 1, "29 switches nothing"


def switched(seen: Subscriber, value: float) -> bool:
    """Publish a reading until its command comes: the flow may not have subscribed yet."""
    start = len(seen.messages)
    for _ in range(60):
        publish(seen, value)
        with contextlib.suppress(TimeoutError):
            told = seen.wait(SET, 2, start=start)
            assert told["output"] == "fan"
            return bool(told["value"])
    raise AssertionError("no command came")


def publish(seen: Subscriber, value: float) -> None:
    """Publish a reading as a node does."""
    content = {"value": value, "unit": "C", "seq": 1, "boot": 1, "time": 1795218370}
    seen.publish("petrel/greenhouse/air/temperature", json.dumps(content))
