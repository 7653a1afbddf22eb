"""Deploying into a ROMFS: what goes there, what stays on the file system, what a cut leaves."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from host_tests.harness.serial_board import SerialBoard
from host_tests.harness.whole_nodes import stand_ins
from tools.board import rom
from tools.board.deploy import command, deploy
from tools.board.targets import Folder, Mpremote
from tools.board.usb import command as usb
from tools.make.package import build, files
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import MICROPYTHON, ROOT
from tools.shared.process import popen

BOARD = boards.load("ESP8266_GENERIC")
ROM = 320 * 1024  # an ESP8266's
SCRIPT = ROOT / "host_tests" / "scripts" / "start_board.py"
# Beside the ROMFS, on the file system.
BESIDE = {"boot.py", "main.py", "board.txt", "config.example.json"}

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Deploys to a board with a ROMFS, which keeps what it has; returns what is said."""

    def deploy_to(
        package: Path,
        mode: str = "auto",
        size: int = ROM,
        cut: int = 0,
        config: Path | None = None,
    ) -> str:
        console = Console(file=io.StringIO(), record=True, width=400)
        with SerialBoard(tmp_path / "board", size, cut) as board:
            deploy(package, Mpremote(board.port), config, console, BOARD, (), mode)
        return console.export_text()

    return deploy_to


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of 15 KB, of which three modules are Petrel's by their names."""
    folder = tmp_path / "package"
    for name in ("boot.py", "main.py", "board.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    for name in ("node/main", "node/start/begin", "mqtt/core"):
        path = folder / "lib" / f"{name}.mpy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * (5000 // len(name)))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The board's file system."""
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def there(root: Path) -> set[str]:
    """The files on a board, without the record."""
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return found - {".petrel.json"}


def held(root: Path) -> bytes:
    """What is in a board's ROMFS, b"" if that is nothing valid."""
    flash = root.with_name(root.name + ".rom").read_bytes()
    return flash if flash.startswith(b"\xd2\xcd1") else b""


def test_code_goes_into_the_romfs_once_and_again_when_it_has_changed(
    package: Path, root: Path, run: Run
) -> None:
    said = run(package)
    assert "3 of 3 files copied, 0 removed" in said
    size = re.search(r"in the board's ROMFS: ([\d,]+) of 327,680 bytes, written", said)
    assert size
    image = rom.image(package, files(package))
    assert f"{len(image):,}" == size[1]
    assert held(root)[: len(image)] == image
    assert there(root) == {"boot.py", "main.py", "board.txt"}
    said = run(package)
    assert "0 of 3 files copied, 0 removed" in said
    assert "bytes, unchanged" in said
    (package / "lib/mqtt/core.mpy").write_text("new")
    said = run(package)
    assert "0 of 3 files copied" in said
    assert "bytes, written" in said
    image = rom.image(package, files(package))
    assert held(root)[: len(image)] == image
    assert "unchanged" in run(package)


def test_the_config_stays_and_one_that_is_sent_goes_onto_the_file_system(
    package: Path, root: Path, run: Run, tmp_path: Path
) -> None:
    (root / "config.json").write_text("mine")
    run(package)
    assert (root / "config.json").read_text() == "mine"
    (tmp_path / "my.json").write_text('{"node": "other"}')
    assert "unchanged" in run(package, config=tmp_path / "my.json")
    assert json.loads((root / "config.json").read_text()) == {"node": "other"}


def test_a_config_is_judged_by_where_the_code_is(
    package: Path, root: Path, run: Run, tmp_path: Path
) -> None:
    """Three drivers are too much for an ESP8266 from files, and fit from a ROMFS."""
    config = tmp_path / "my.json"
    wires = {"driver": "bme280", "sda": 4, "scl": 5}
    sensors = [
        {"name": "air", **wires},
        {"name": "soil", "driver": "ntc", "pin": 0, "supply": 1},
        {"name": "rain", "driver": "pulse", "pin": 12},
    ]
    home = {"node": "n1", "wifi": {"ssid": "s"}, "mqtt": {"host": "b"}}
    config.write_text(json.dumps({**home, "sensors": sensors}))
    assert "It will probably run out of memory. Leave out" in run(package, "files", config=config)
    assert "warning" not in run(package, config=config)
    others = ("scd4x", "ads1115", "ina219", "sht3x", "bh1750", "aht20")
    more = [{**wires, "name": name, "driver": name} for name in others]
    more += [{"name": f"d{pin}", "driver": "dht22", "pin": pin} for pin in (0, 2, 13, 14)]
    config.write_text(json.dumps({**home, "sensors": [*sensors, *more]}))
    said = run(package, config=config)
    assert "run out of memory. Leave out" in said
    assert "a ROMFS" not in said.partition("Petrel is in")[0]


def test_from_files_to_a_romfs_and_back(package: Path, root: Path, run: Run) -> None:
    """Nothing stays that could hide the ROMFS: no module, compiled or not, and no folder."""
    run(package, size=0)
    assert (root / "lib/node/start/begin.mpy").exists()
    (root / "lib/mqtt/__init__.py").touch()  # of an older Petrel, or of mip
    (root / "lib/mqtt/core.py").touch()
    (root / "lib/mine.py").write_text("mine")
    (root / "lib/other").mkdir()
    (root / "lib/other/theirs.py").touch()
    said = run(package)
    assert "0 of 3 files copied, 5 removed" in said
    kept = {"boot.py", "main.py", "board.txt", "lib/mine.py", "lib/other/theirs.py"}
    assert there(root) == kept
    assert {path.name for path in (root / "lib").iterdir()} == {"mine.py", "other"}
    said = run(package, mode="files")
    assert "3 of 6 files copied, 0 removed" in said
    assert "The ROMFS was emptied." in said
    assert there(root) == kept | {*files(package)}
    assert not held(root)
    assert "0 of 6 files copied" in run(package, mode="files")


def test_a_deploy_without_its_record_removes_the_old_modules_as_well(
    package: Path, root: Path, run: Run
) -> None:
    run(package, size=0)
    (root / ".petrel.json").unlink()
    run(package)
    assert there(root) == {"boot.py", "main.py", "board.txt"}


def test_without_a_romfs_it_goes_onto_the_file_system_and_says_why(
    package: Path, root: Path, run: Run
) -> None:
    said = run(package, size=0)
    assert "6 of 6 files copied" in said
    assert "on the board's file system: this firmware has no ROMFS. The variant FLASH_2M_" in said
    with pytest.raises(ToolError, match="this firmware has no ROMFS"):
        run(package, size=0, mode="romfs")


def test_a_romfs_that_is_too_small_is_left_alone(package: Path, root: Path, run: Run) -> None:
    said = run(package, size=8192)
    assert re.search("file system: its ROMFS has 8,192 bytes, and [0-9,]+ are needed", said)
    assert there(root) == {*files(package)}
    with pytest.raises(ToolError, match="its ROMFS has 8,192 bytes"):
        run(package, size=8192, mode="romfs")


def test_what_a_node_does_not_need_is_left_out_of_a_romfs_in_which_not_all_fits(
    root: Path, run: Run
) -> None:
    package = build(BOARD.id, quiet=True)
    said = run(package, size=160 * 1024)
    assert "bytes, written" in said
    assert "files were left out. It has what its node needs, and the drivers of config.ex" in said
    assert b"analog.mpy" in held(root)
    assert b"scd4x.mpy" not in held(root)


def test_a_driver_of_ones_own_on_the_board_is_not_hidden(
    package: Path, root: Path, run: Run
) -> None:
    own = root / "lib/node/mine.py"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    said = run(package)
    assert "would hide lib/node/mine.py, which a deploy did not put there. Move that" in said
    assert there(root) == {*files(package), "lib/node/mine.py"}
    with pytest.raises(ToolError, match=r"would hide lib/node/mine\.py"):
        run(package, mode="romfs")
    own.unlink()
    assert "bytes, written" in run(package)


def test_what_others_put_into_the_romfs_is_replaced_only_on_demand(
    package: Path, root: Path, run: Run, tmp_path: Path
) -> None:
    other = tmp_path / "other/lib/assets/logo.mpy"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    image = rom.image(tmp_path / "other", files(tmp_path / "other"))
    root.with_name("board.rom").write_bytes(image.ljust(ROM, b"\xff"))
    assert "its ROMFS holds something else, which MODE=romfs replaces" in run(package)
    assert held(root).startswith(image)
    assert "ROMFS was emptied" not in run(package, mode="files")
    assert held(root).startswith(image)
    assert "bytes, written" in run(package, mode="romfs")
    assert "unchanged" in run(package)


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_power_cut_leaves_no_romfs_or_a_whole_one(
    package: Path, root: Path, run: Run, cut: int
) -> None:
    """Four blocks are erased, eight pieces written, and then the beginning again.

    A firmware that mounts half an image may hang before it has a REPL.
    """
    run(package)
    (package / "lib/mqtt/core.mpy").write_bytes(b"x" * 5000)
    image = rom.image(package, files(package))
    with pytest.raises(ToolError):
        run(package, cut=cut)
    assert held(root)[: len(image)] == (image if cut == 13 else b"")
    assert "written" in run(package) or cut == 13
    assert held(root)[: len(image)] == image
    assert "unchanged" in run(package)


def test_a_power_cut_on_the_way_from_files_leaves_the_old_files(
    package: Path, root: Path, run: Run
) -> None:
    run(package, size=0)
    before = there(root)
    with pytest.raises(ToolError):
        run(package, cut=6)
    assert there(root) == before
    run(package)
    assert there(root) == {"boot.py", "main.py", "board.txt"}


def test_flash_that_does_not_keep_what_is_written_is_told(
    package: Path, root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rom, "digest", lambda image: "0" * 16)
    with pytest.raises(ToolError, match="the flash does not hold what was written"):
        run(package)
    assert not held(root)


def test_a_micropython_that_loads_other_mpy_files_is_refused(root: Path, run: Run) -> None:
    folder = build(BOARD.id, quiet=True)
    copy = root.with_name("package")
    (copy / "lib").mkdir(parents=True)
    compiled = bytearray((folder / "lib/board.mpy").read_bytes())
    compiled[1] = 7
    (copy / "lib/board.mpy").write_bytes(compiled)
    with pytest.raises(
        ToolError, match=r"loads \.mpy files of version 6, and Petrel's have version 7"
    ):
        run(copy)
    assert there(root) == set()


def test_a_drive_is_not_filled_beside_a_romfs(package: Path, root: Path, run: Run) -> None:
    """The ROMFS comes first: what is copied onto the drive would never run."""
    run(package)
    with pytest.raises(ToolError, match="runs Petrel from its ROMFS"):
        usb.main(["PYBD_SF2", "--to", str(root)], standalone_mode=False)
    assert there(root) == {"boot.py", "main.py", "board.txt"}


def test_a_folder_has_no_romfs(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="a folder has no ROMFS"):
        command.main(
            ["UNIX", "--to", str(tmp_path / "there"), "--mode", "romfs"], standalone_mode=False
        )


@pytest.fixture
def started(root: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Switches the board on; it is off after the test."""
    rom_modules = stand_ins()
    running: list[subprocess.Popen[str]] = []

    def switch_on() -> subprocess.Popen[str]:
        flash = root.with_name("board.rom")
        line = [str(MICROPYTHON["64"]), str(SCRIPT), str(flash), str(rom_modules)]
        process = popen(line, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        running.append(process)
        return process

    yield switch_on
    for process in running:
        with process:
            process.kill()


Started = Callable[[], "subprocess.Popen[str]"]


def test_the_node_runs_from_the_romfs_and_after_a_cut_the_board_says_what_to_do(
    root: Path, run: Run, started: Started, broker: Broker, seen: Subscriber, tmp_path: Path
) -> None:
    """All of it: an older Petrel in files, the ROMFS, a cut in the middle of an update, repair."""
    config = {
        "node": "n1",
        "wifi": {"ssid": "a network"},
        "mqtt": {"host": broker.host, "port": broker.port},
        "sensors": [{"name": "light", "driver": "analog", "pin": 0, "interval": 0.1}],
    }
    (tmp_path / "my.json").write_text(json.dumps(config))
    package = build(BOARD.id, quiet=True)
    deploy(package, Folder(root), tmp_path / "my.json", Console(quiet=True))
    said = run(package)
    assert "bytes, written" in said
    assert there(root) == BESIDE | {"config.json"}
    assert [*(root / "lib").iterdir()] == []
    assert started().communicate(timeout=20)[0].startswith("Petrel: config.json is new and good")
    process = started()
    seen.wait("petrel/n1/light")
    process.kill()
    process.communicate()

    copy = tmp_path / "package"
    subprocess.run(["cp", "-r", str(package), str(copy)], check=True)
    (copy / "lib/sensors/table.mpy").unlink()  # another version
    with pytest.raises(ToolError):
        run(copy, cut=60)
    process = started()
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if "the start failed" in line:
            break
    assert any("Petrel is not complete on this board. Deploy again." in each for each in lines)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[0].strip() == ">>>"

    assert "bytes, written" in run(package)
    started()
    at = len(seen.messages)
    seen.wait("petrel/n1/light", start=at)
