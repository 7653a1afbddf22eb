"""How the demo finds a collector that runs on the same computer."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.play.beside import announced, bridge, collector


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
