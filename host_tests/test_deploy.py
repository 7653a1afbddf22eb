"""Deploying: only what changed, the config kept, an interrupted one repeated."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tools.build import build
from tools.deploy import Folder, Mpremote, check_config, deploy, plan
from tools.errors import ToolError
from tools.paths import FIRMWARE, ROOT

QUIET = Console(quiet=True)

# Plays mpremote for a board whose file system is the folder BOARD; logs each call.
FAKE_MPREMOTE = """#!{python}
import os, pathlib, shutil, sys
board = pathlib.Path(os.environ["BOARD"])
arguments = sys.argv[3:]
with open(os.environ["LOG"], "a") as log:
    print(*arguments, file=log)
if arguments[0] == "reset":
    sys.exit(0)
what, *names = arguments[2:]
paths = [board / n[1:] if n.startswith(":") else pathlib.Path(n) for n in names]
try:
    if what == "cp":
        shutil.copyfile(*paths)
    elif what == "mkdir":
        paths[0].mkdir()
    elif what == "rm":
        paths[0].unlink()
except OSError as error:
    sys.exit(f"mpremote: {{what}}: {{error.strerror}}")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package."""
    folder = tmp_path / "package"
    (folder / "lib/mqtt").mkdir(parents=True)
    for name in ("main.py", "lib/mqtt/a.mpy", "lib/mqtt/b.mpy"):
        (folder / name).write_text(name)
    return folder


def test_second_deploy_copies_nothing_and_a_third_what_changed(
    package: Path, tmp_path: Path
) -> None:
    board = Folder(tmp_path / "board")
    assert deploy(package, board, None, QUIET) == 3
    assert deploy(package, board, None, QUIET) == 0
    (package / "lib/mqtt/a.mpy").write_text("new")
    (package / "lib/mqtt/b.mpy").unlink()
    write, remove, _ = plan(package, board)
    assert (write, remove) == (["lib/mqtt/a.mpy"], ["lib/mqtt/b.mpy"])
    assert deploy(package, board, None, QUIET) == 1
    assert not (board.root / "lib/mqtt/b.mpy").exists()


def test_config_is_kept_unless_one_is_sent(package: Path, tmp_path: Path) -> None:
    board = Folder(tmp_path / "board")
    board.root.mkdir()
    (board.root / "config.json").write_text("mine")
    deploy(package, board, None, QUIET)
    assert (board.root / "config.json").read_text() == "mine"
    deploy(package, board, package / "main.py", QUIET)
    assert (board.root / "config.json").read_text() == "main.py"


def test_interrupted_deploy_is_repeated_and_main_comes_last(package: Path, tmp_path: Path) -> None:
    class Unplugged(Folder):
        """A board that is unplugged after one file."""

        written = 0

        def write(self, name: str, source: Path) -> None:
            if self.written:
                raise ToolError("unplugged")
            self.written += 1
            super().write(name, source)

    board = Unplugged(tmp_path / "board")
    with pytest.raises(ToolError):
        deploy(package, board, None, QUIET)
    assert not (board.root / "main.py").exists()
    assert deploy(package, Folder(board.root), None, QUIET) == 3


def test_a_bad_config_is_not_sent(tmp_path: Path) -> None:
    build("ESP32_GENERIC", quiet=True)
    config = json.loads((FIRMWARE / "config.json").read_text())
    config["sensors"][1]["pin"] = 25
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(ToolError) as error:
        check_config(path, "ESP32_GENERIC")
    assert "sensors[1].pin: 25 cannot measure while Wi-Fi is on, on ESP32_GENERIC" in str(
        error.value
    )


def test_calls_mpremote_as_a_person_would(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, log, fake = tmp_path / "board", tmp_path / "log", tmp_path / "mpremote"
    board.mkdir()
    fake.write_text(FAKE_MPREMOTE.format(python=sys.executable))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BOARD", str(board))
    monkeypatch.setenv("LOG", str(log))
    assert deploy(package, Mpremote("/dev/x", [str(fake)]), None, QUIET) == 3
    assert (board / "lib/mqtt/a.mpy").read_text() == "lib/mqtt/a.mpy"
    log.unlink()
    assert deploy(package, Mpremote("/dev/x", [str(fake)]), None, QUIET) == 0
    assert all(" cp :" in line for line in log.read_text().splitlines())  # nothing was written


def test_deploy_command_for_the_simulated_board(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools", "deploy", "UNIX", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lib/node/app.mpy").exists()
    assert "no config.json yet" in done.stdout


def test_usb_copies_onto_a_mounted_drive(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    command = [sys.executable, "-m", "tools", "usb", "PYBV11", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lib/mqtt/session.mpy").exists()
    assert (tmp_path / "main.py").exists()
    assert (tmp_path / "config.json").read_text() == "mine"
    assert "eject" in done.stdout
