"""`petrel node`: runs a node on this computer, a Raspberry Pi or any other Linux."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import click

from boards.RPI.machine import CAUSE, HARD_RESET, MEMORY, PWRON_RESET, STATUS
from tools.config.check import check_config, companions
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

STATE = "~/.local/state/petrel"
_TAKEN = "config.taken"  # what the config was that was last put in place
_PAUSE_S = 5  # after an end that no reset explains


def place(config: Path, folder: Path) -> bool:
    """Put a config and the files that it names into the node's folder, if it is another one.

    So what was changed from afar stays until you change the file. Returns whether it was put.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.txt").write_text(boards.LINUX)
    files = {"config.json": config, **companions(config)}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        if not path.exists():
            raise ToolError(
                f"{config} names {name}, which is not there", f"put it beside {config.name}"
            )
        digest.update(name.encode() + path.read_bytes())
    taken = folder / _TAKEN
    if taken.exists() and taken.read_text() == digest.hexdigest():
        return False
    for name, path in files.items():
        shutil.copyfile(path, folder / (name + ".put"))
        os.replace(folder / (name + ".put"), folder / name)
    taken.write_text(digest.hexdigest())
    return True


class Runner:
    """Starts the node's process, and starts it again whenever that ends by a reset."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Have the node say goodbye and end."""
        self._stopped.set()
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def run(self) -> int:
        """Run until someone stops it, or it leaves itself to a person; returns the status."""
        cause = PWRON_RESET
        with tempfile.NamedTemporaryFile(prefix="petrel-memory-") as memory:
            environment = {
                **os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
                MEMORY: memory.name,
            }  # fmt: skip
            while not self._stopped.is_set():
                command = [sys.executable, "-m", "tools.cpython.board", str(self._folder)]
                self._process = subprocess.Popen(
                    command, env={**environment, CAUSE: str(cause)},
                    stdin=subprocess.PIPE, start_new_session=True,
                )  # fmt: skip
                if self._stopped.is_set():  # while the process was being started
                    self.stop()
                status = self._process.wait()
                assert self._process.stdin
                self._process.stdin.close()
                if status == 0 or self._stopped.is_set():
                    return 0
                if PWRON_RESET <= status - STATUS < STATUS:
                    cause = status - STATUS
                    continue
                cause = HARD_RESET
                print(f"petrel: the node ended ({status}); it starts again", file=sys.stderr)
                self._stopped.wait(_PAUSE_S)
        return 0


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path),
    help=f"the folder that is the node's flash  [default: {STATE}]",
)  # fmt: skip
@click.option("--check", is_flag=True, help="only check the config")
def command(config: Path, state: Path | None, check: bool) -> int:
    """Run a node here, with CONFIG, until Ctrl-C: on a Raspberry Pi, or on any Linux.

    A config that was changed from afar is kept until CONFIG changes.
    """
    for warning in check_config(config, boards.LINUX):
        print(f"warning: {warning}", file=sys.stderr)
    if check:
        print(f"good for {boards.LINUX}")
        return 0
    folder = (state or Path(STATE).expanduser()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ToolError(
                f"another node runs in {folder}", "give each its own: --state FOLDER"
            ) from error
        place(config, folder)
        runner = Runner(folder)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, runner.stop)
        return runner.run()
