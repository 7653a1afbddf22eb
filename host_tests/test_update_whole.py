"""From a key to a node that runs the update: the commands of docs/updates.md, and a whole node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from host_tests.harness.node import Node
from host_tests.harness.slots import equip, state_of
from host_tests.harness.updates import PASSPHRASE
from tools.shared.paths import ROOT
from tools.update import keyring
from tools.update.keyring import Keyring


@pytest.mark.timeout(400)
@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_a_node_takes_what_was_signed_and_offered(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keyring.FOLDER_VARIABLE, str(tmp_path / "keys"))
    monkeypatch.setenv(keyring.PASSPHRASE_VARIABLE, PASSPHRASE)

    def petrel(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tools", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    petrel("keys", "make")
    petrel("release", "sign", "UNIX", "--out", str(tmp_path / "updates"), "--serial", "12")
    equip(node.flash)
    (node.flash / "keys.txt").write_text(Keyring().keys_txt())
    node.write_config(node.config())
    node.bench.power_on()
    node.wait("diagnostics")
    where = ["--host", f"127.0.0.1:{node.broker.port}", "--from", str(tmp_path / "updates")]
    assert "1 done, 0 failed" in petrel("offer", "n1", *where)
    assert state_of(node.flash) == "a - 0 12"
