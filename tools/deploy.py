"""`deploy`: the package onto a board; only what changed travels, the config stays."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.progress import Progress

from tools import boards
from tools.build import build, files
from tools.errors import ToolError
from tools.paths import BUILD, LIB
from tools.ports import choose

MANIFEST = ".petrel.json"  # on the board: what was put there, and its hashes
CONFIG = "config.json"


class Target(Protocol):
    """A file system to deploy to."""

    def read(self, name: str) -> str | None:
        """The text of a file, None if there is none."""

    def write(self, name: str, source: Path) -> None:
        """Copy a file, making its folders."""

    def remove(self, name: str) -> None:
        """Remove a file that may be gone already."""


class Folder:
    """A folder as a board's file system: the simulated board's, or a mounted drive."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> str | None:
        path = self.root / name
        return path.read_text() if path.exists() else None

    def write(self, name: str, source: Path) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)


class Mpremote:
    """A board on a serial port, reached as a person reaches it."""

    def __init__(self, port: str, command: Sequence[str] = (sys.executable, "-m", "mpremote")):
        self._command = [*command, "connect", port]
        self._port = port
        self._folders: set[str] = set()

    def read(self, name: str) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "file"
            done = self._call("resume", "fs", "cp", f":{name}", str(target))
            if done.returncode:
                if "No such file" in done.stderr or "ENOENT" in done.stderr:
                    return None
                self._fail(done)
            return target.read_text()

    def write(self, name: str, source: Path) -> None:
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            self._make_folder("/".join(parts[:depth]))
        done = self._call("resume", "fs", "cp", str(source), f":{name}")
        if done.returncode:
            self._fail(done)

    def remove(self, name: str) -> None:
        self._call("resume", "fs", "rm", f":{name}")

    def reset(self) -> None:
        """Start what was deployed."""
        self._call("reset")

    def _make_folder(self, name: str) -> None:
        if name not in self._folders:
            self._call("resume", "fs", "mkdir", f":{name}")  # fails where it is there already
            self._folders.add(name)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self._command, *arguments], capture_output=True, text=True, timeout=60
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"the board on {self._port} does not answer",
                "press its reset button and try again; is another program using the port?",
            ) from error

    def _fail(self, done: subprocess.CompletedProcess[str]) -> None:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ToolError(
            f"mpremote on {self._port}: {''.join(said)}",
            "is MicroPython on the board (make flash), and the port free of other programs?",
        )


def plan(folder: Path, target: Target) -> tuple[list[str], list[str], dict[str, str]]:
    """What has to be written and what removed, and the manifest that is true afterwards."""
    wanted = {name: _digest(folder / name) for name in files(folder)}
    try:
        there: dict[str, str] = json.loads(target.read(MANIFEST) or "{}")
    except ValueError:
        there = {}
    write = [name for name in wanted if there.get(name) != wanted[name]]
    remove = [name for name in there if name not in wanted]
    # What starts the rest comes last, so that a deploy that was cut short leaves a whole old one
    # or is simply repeated.
    write.sort(key=lambda name: (name.endswith(("boot.py", "main.py")), name))
    return write, remove, wanted


def deploy(folder: Path, target: Target, config: Path | None, console: Console) -> int:
    """Bring the target up to date; returns how many files travelled."""
    write, remove, wanted = plan(folder, target)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("deploying", total=len(write) + len(remove))
        for name in remove:
            target.remove(name)
            progress.advance(task)
        for name in write:
            progress.update(task, description=name)
            target.write(name, folder / name)
            progress.advance(task)
    if config:
        target.write(CONFIG, config)
    if write or remove:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as manifest:
            json.dump(wanted, manifest)
            manifest.flush()
            target.write(MANIFEST, Path(manifest.name))
    console.print(f"{len(write)} of {len(wanted)} files copied, {len(remove)} removed")
    if not config and target.read(CONFIG) is None:
        console.print(
            "[yellow]the board has no config.json yet[/]: write one after config.example.json "
            "and deploy again with CONFIG=file"
        )
    return len(write)


def check_config(path: Path, board: str) -> None:
    """Refuse a config that the board would refuse."""
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ToolError(
            f"{path}: {error}", "it has to be JSON, see config.example.json"
        ) from error
    faults = config_faults(config, board)
    if faults:
        raise ToolError(f"{path} would be refused", "\n  ".join(faults))


def config_faults(config: object, board: str) -> list[str]:
    """What the node's own check says of a config, run in the unix port of MicroPython."""
    from tools.paths import MICROPYTHON

    code = (
        "import json, sys\n"
        "from node.schema import check\n"
        "try:\n    import board\nexcept ImportError:\n    board = None\n"
        "print(json.dumps(check(json.loads(sys.stdin.read()), board)))\n"
    )
    generated = BUILD / "generated" / board
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", code],
        input=json.dumps(config),
        env={"MICROPYPATH": f"{LIB}:{generated}:.frozen"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolError(f"the check of the config failed: {done.stderr.strip()[-300:]}")
    faults: list[str] = json.loads(done.stdout)
    return faults


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@click.command()
@click.argument("board")
@click.option("--port", help="serial port  [default: the only one there is]")
@click.option("--config", type=click.Path(exists=True, path_type=Path), help="config.json to send")
@click.option("--to", type=click.Path(path_type=Path), help="a folder instead of a board")
@click.option("--no-reset", is_flag=True, help="do not restart the board")
def command(
    board: str, port: str | None, config: Path | None, to: Path | None, no_reset: bool
) -> None:
    """Build for BOARD and copy what changed onto it; its config.json is kept."""
    boards.load(board)
    console = Console()
    folder = build(board)
    if config:
        check_config(config, board)
    if to or board == "UNIX":
        deploy(folder, Folder(to or BUILD / "UNIX-flash"), config, console)
        return
    target = Mpremote(choose(port))
    deploy(folder, target, config, console)
    if not no_reset:
        target.reset()
        console.print("the board restarts; make monitor HOST=your-broker shows its readings")
