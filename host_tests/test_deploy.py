"""Deploying: only what changed, the config kept, an interrupted one repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from host_tests.harness.serial_board import SerialBoard
from tools.board.deploy import command as deploy_command
from tools.board.deploy import deploy, plan
from tools.board.selection import Room, select
from tools.board.targets import Folder, Mpremote, Step, explained
from tools.board.usb import command as usb
from tools.board.usb import find_drive
from tools.config.check import check_config
from tools.make.package import build, files
from tools.make.storage import FileSystem
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, FIRMWARE, ROOT
from tools.update.keyring import Keyring

QUIET = Console(quiet=True)


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
    todo = plan(package, board.look())
    assert (todo.write, todo.remove) == (["lib/mqtt/a.mpy"], ["lib/mqtt/b.mpy"])
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


def test_what_somebody_removed_or_cut_short_is_sent_again(package: Path, tmp_path: Path) -> None:
    board = Folder(tmp_path / "board")
    deploy(package, board, None, QUIET)
    (board.root / "main.py").unlink()
    (board.root / "lib/mqtt/a.mpy").write_text("")
    assert plan(package, board.look()).write == ["lib/mqtt/a.mpy", "main.py"]


def test_files_of_others_are_never_removed(package: Path, tmp_path: Path) -> None:
    board = Folder(tmp_path / "board")
    deploy(package, board, None, QUIET)
    (board.root / "lib/mine.py").write_text("mine")
    (package / "lib/mqtt/a.mpy").unlink()
    deploy(package, board, None, QUIET)
    assert (board.root / "lib/mine.py").exists()
    assert not (board.root / "lib/mqtt/a.mpy").exists()


@pytest.mark.parametrize("record", ["", "{", "[1]", '"x"', '{"main.py": null}', "\0\1\2"])
def test_a_record_that_is_garbage_costs_a_copy_and_no_more(
    record: str, package: Path, tmp_path: Path
) -> None:
    board = Folder(tmp_path / "board")
    board.root.mkdir()
    (board.root / ".petrel.json").write_text(record)
    assert deploy(package, board, None, QUIET) == 3


def test_the_record_cannot_make_a_deploy_remove_what_is_elsewhere(
    package: Path, tmp_path: Path
) -> None:
    board = Folder(tmp_path / "board")
    board.root.mkdir()
    for name in ("precious", "board/config.json"):
        (tmp_path / name).write_text("mine")
    (board.root / ".petrel.json").write_text('{"../precious": "1", "config.json": "1"}')
    deploy(package, board, None, QUIET)
    assert (tmp_path / "precious").exists()
    assert (board.root / "config.json").exists()


class Unplugged(Folder):
    """A board that is unplugged after some steps."""

    def __init__(self, root: Path, steps: int) -> None:
        super().__init__(root)
        self._steps = steps

    def carry_out(self, steps: Sequence[Step], started: Callable[[str], None]) -> None:
        super().carry_out(steps[: self._steps], started)
        raise ToolError("unplugged")


@pytest.mark.parametrize("steps", range(5))
def test_interrupted_deploy_is_repeated_wherever_it_stopped(
    steps: int, package: Path, tmp_path: Path
) -> None:
    board = Folder(tmp_path / "board")
    deploy(package, board, None, QUIET)
    old = {name: (package / name).read_text() for name in ("main.py", "lib/mqtt/a.mpy")}
    for name in old:  # of the same size, so that only the record can tell
        (package / name).write_text(old[name].upper())
    (package / "lib/mqtt/b.mpy").unlink()
    with pytest.raises(ToolError):
        deploy(package, Unplugged(board.root, steps), None, QUIET)
    for name, text in old.items():  # back to the old version: what is there is a mixture
        (package / name).write_text(text)
    deploy(package, board, None, QUIET)
    assert {name: (board.root / name).read_text() for name in old} == old
    assert not (board.root / "lib/mqtt/b.mpy").exists()
    assert plan(package, board.look()).write == []


def test_what_starts_the_rest_comes_last(package: Path, tmp_path: Path) -> None:
    (package / "boot.py").write_text("boot")
    with pytest.raises(ToolError):
        deploy(package, Unplugged(tmp_path / "board", 3), None, QUIET)
    assert (tmp_path / "board/lib/mqtt/b.mpy").exists()
    assert not (tmp_path / "board/boot.py").exists()


def test_a_bad_config_is_not_sent(tmp_path: Path) -> None:
    build("ESP32_GENERIC", quiet=True)
    config = json.loads((FIRMWARE / "config.json").read_text())
    config["sensors"][1]["pin"] = 25
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(ToolError) as error:
        check_config(path, "ESP32_GENERIC")
    assert "sensors[1].pin: GPIO25 can't measure while Wi-Fi is on (ESP32_GENERIC)" in str(
        error.value
    )


def test_mpremote_copies_what_changed(package: Path, tmp_path: Path) -> None:
    with SerialBoard(tmp_path / "board") as board:
        target = Mpremote(board.port)
        assert deploy(package, target, None, QUIET) == 3
        assert (board.root / "lib/mqtt/a.mpy").read_text() == "lib/mqtt/a.mpy"
        assert deploy(package, target, None, QUIET) == 0
        (package / "lib/mqtt/a.mpy").write_text("new")
        (package / "lib/mqtt/b.mpy").unlink()
        (board.root / "main.py").unlink()
        assert plan(package, target.look()).write == ["lib/mqtt/a.mpy", "main.py"]
        assert deploy(package, target, None, QUIET) == 2
        assert (board.root / "lib/mqtt/a.mpy").read_text() == "new"
        assert not (board.root / "lib/mqtt/b.mpy").exists()
        assert (board.root / "main.py").exists()


def test_deploy_command_fills_a_board_keeps_its_config_and_restarts_it(tmp_path: Path) -> None:
    with SerialBoard(tmp_path / "board") as board:
        (board.root / "config.json").write_text("mine")
        command = [sys.executable, "-m", "tools", "deploy", "ESP32_GENERIC", "--port", board.port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        board.wait_reset()
    built = BUILD / "ESP32_GENERIC"
    for name in files(built):
        assert (board.root / name).read_bytes() == (built / name).read_bytes()
    assert (board.root / "config.json").read_text() == "mine"
    assert "no config.json yet" not in done.stdout


def test_a_board_that_is_gone_is_one_clear_message(package: Path, tmp_path: Path) -> None:
    with SerialBoard(tmp_path / "board") as board:
        board.unplug()
        with pytest.raises(ToolError) as error:
            deploy(package, Mpremote(board.port), None, QUIET)
    assert error.value.message.startswith(f"the board on {board.port}: failed to access")
    assert "plugged in" in error.value.hint


def test_a_full_board_is_said_to_be_full() -> None:
    said = ["cp a :a", "mpremote: cp: no space left on device: No space left on device."]
    error = explained("/dev/ttyUSB0", said)
    assert error.message.startswith("the board on /dev/ttyUSB0: cp: no space left")
    assert "full" in error.hint


def test_deploy_command_for_the_simulated_board(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools", "deploy", "UNIX", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lib/node/app.mpy").exists()
    assert "no config.json yet" in done.stdout
    assert f"the files are in {tmp_path}\n" in done.stdout


def test_the_drive_is_found_by_its_label_and_what_is_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.board.usb.MOUNTS", (str(tmp_path),))
    for name in ("user/PYBFLASH", "user/BACKUP", "NO NAME"):
        (tmp_path / name).mkdir(parents=True)
    assert find_drive() is None  # no drive of a Pyboard: there is no boot.py
    (tmp_path / "user/BACKUP/boot.py").touch()
    assert find_drive() is None
    (tmp_path / "user/PYBFLASH/boot.py").touch()
    assert find_drive() == tmp_path / "user/PYBFLASH"


def test_a_full_drive_is_refused_before_anything_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tools.board.targets.shutil.disk_usage", lambda path: SimpleNamespace(free=1024)
    )
    with pytest.raises(ToolError, match="the board has 1,024 bytes free; "):
        usb.main(["PYBV11", "--to", str(tmp_path)], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("board", "gets"), [("PYBV11", False), ("ESP32_GENERIC", True)])
def test_a_board_that_can_take_no_updates_gets_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str, gets: bool
) -> None:
    monkeypatch.setattr(Keyring, "keys_txt", lambda self: "the keys\n")
    deploy_command.main([board, "--to", str(tmp_path)], standalone_mode=False)
    assert (tmp_path / "keys.txt").exists() == (tmp_path / "update").exists() == gets


def test_usb_copies_onto_a_mounted_drive(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    command = [sys.executable, "-m", "tools", "usb", "PYBV11", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lib/mqtt/engine/core.mpy").exists()
    assert (tmp_path / "main.py").exists()
    assert (tmp_path / "config.json").read_text() == "mine"
    assert "eject" in done.stdout
    said = " ".join(done.stdout.split())
    assert "files were left out." in said
    assert "of config.example.json (no config names any): analog, digital" in said


def test_usb_sends_a_config_and_the_drivers_that_are_asked_for(tmp_path: Path) -> None:
    drive, config = tmp_path / "drive", tmp_path / "my.json"
    drive.mkdir()
    relay = {"name": "pump", "driver": "relay", "pin": "X1"}
    config.write_text(json.dumps({"mqtt": {"serial": "usb"}, "sensors": [relay]}))
    command = ["PYBV11", "--to", str(drive), "--config", str(config), "--drivers", "servo,digital"]
    usb.main(command, standalone_mode=False)
    assert json.loads((drive / "config.json").read_text()) == json.loads(config.read_text())
    there = {path.stem for path in (drive / "lib/sensors").glob("*.mpy")}
    assert {"relay", "servo", "digital"} < there
    assert not {"analog", "bme280"} & there
    config.write_text(
        json.dumps({"mqtt": {"serial": "usb"}, "sensors": [{**relay, "pin": "X99"}]})
    )
    with pytest.raises(ToolError, match="would refuse"):
        usb.main(command, standalone_mode=False)
    assert "X99" not in (drive / "config.json").read_text()


def test_without_a_drive_there_is_a_folder_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.board.usb.MOUNTS", (str(tmp_path / "nothing"),))
    usb.main(["PYBV11", "--drivers", "relay"], standalone_mode=False)
    assert (BUILD / "PYBV11-usb/lib/sensors/relay.mpy").exists()
    assert not (BUILD / "PYBV11-usb/lib/sensors/servo.mpy").exists()


def test_a_board_tells_its_room_and_its_drivers_and_keeps_its_secrets(tmp_path: Path) -> None:
    with SerialBoard(tmp_path / "board") as board:
        target = Mpremote(board.port)
        found = target.look()
        assert found.free and found.drivers is None
        config = {
            "wifi": {"password": "canary"},
            "sensors": [{"driver": "ntc"}, {"driver": "ldr"}],
        }
        (board.root / "config.json").write_text(json.dumps(config))
        found = target.look()
        assert found.drivers == ("ntc", "ldr")
        assert "canary" not in str(found)
        (board.root / "config.json").write_text('{"sensors": [3]}')
        assert target.look().drivers is None


def test_a_config_goes_with_the_files_that_it_names(package: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "certs").mkdir(parents=True)
    mqtt = {"host": "b", "ca": "certs/ca.der", "cert": "n 1.pem", "key": "n1.key"}
    for name in (mqtt["ca"], mqtt["cert"], mqtt["key"], "other.pem"):
        (mine / name).write_text(name)
    (mine / "my.json").write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"node": "a b", "mqtt": mqtt}, indent=4).encode()
    )
    board = Folder(tmp_path / "board")
    console = Console(record=True, quiet=True)
    deploy(package, board, mine / "my.json", console)
    for name in (mqtt["ca"], mqtt["cert"], mqtt["key"]):
        assert (board.root / name).read_text() == name
    assert not (board.root / "other.pem").exists()
    sent = (board.root / "config.json").read_text()
    assert sent == json.dumps({"node": "a b", "mqtt": mqtt}, separators=(",", ":"))
    deploy(package, board, None, QUIET)  # they stay, as the config does
    assert (board.root / mqtt["ca"]).exists()


def test_the_files_of_a_config_have_to_fit_as_well() -> None:
    room = Room(FileSystem("fat", 512), None, 20_000)
    sizes = {"boot.py": 300, "main.py": 100, "lib/mqtt/link.mpy": 1000}
    board = boards.load("PYBD_SF2")
    select(board, sizes, {"config.json": 300}, [], room)
    with pytest.raises(ToolError, match="bytes free"):
        select(board, sizes, {"config.json": 300, "ca.der": 30_000}, [], room)
