"""How the demo finds a collector that runs on the same computer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.backend.collect import Collect
from host_tests.backend.conftest import wait_until
from tools.play.beside import announced, bridge, collector
from tools.shared.paths import ROOT


def test_while_a_collector_runs_its_broker_is_known(tmp_path: Path) -> None:
    file = tmp_path / "there" / "collector.json"
    with announced("127.0.0.1", 1883, file):
        assert collector(file) == "127.0.0.1:1883"
        assert "topic home/# out 1" in bridge("home", file)
    assert collector(file) == ""
    assert bridge("home", file) == ()


def test_one_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "collector.json"
    ended = subprocess.Popen(["true"])
    ended.wait()
    file.write_text(f'{{"pid": {ended.pid}, "host": "127.0.0.1", "port": 1883}}')
    assert collector(file) == ""
    for text in ("", "[]", "{}", '{"pid": "x"}'):
        file.write_text(text)
        assert collector(file) == ""


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Collect]:
    """`petrel collect` in a folder of its own."""
    collect = Collect(tmp_path)
    yield collect
    collect.end()


def test_the_playground_beside_a_collector_is_stored(collect: Collect) -> None:
    collect.waits_for("(the page is at)")
    typed = ["--do", "air.temperature 31", "--do", "pump on", "--seconds", "3"]
    command = [sys.executable, "-m", "tools", "play", *typed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[str] = []

    def stored() -> bool:
        found[:] = [collect.query("playground")]
        return "air/temperature" in found[0] and "pump" in found[0]

    wait_until(stored, 60, lambda: "".join(found))
