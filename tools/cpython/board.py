"""The node on Linux, in a process of its own: `python -m tools.cpython.board FOLDER`.

FOLDER is its file system. Its `machine` and the like are in boards/RPI. A reset ends the process,
and the exit status says which; tools.cpython.node starts it again. `-c CODE` runs a program there.
"""

from __future__ import annotations

import builtins
import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.cpython import loader
from tools.cpython.modules import clock
from tools.cpython.modules.all import ilistdir
from tools.cpython.modules.base import Alone, Over
from tools.shared import boards
from tools.shared.paths import BOARDS, LIB

BOARD = BOARDS / boards.LINUX
HARDWARE = ("machine", "network", "dht", "onewire", "ds18x20")


class Kept:
    """A file opened for writing; what is flushed is on the disk, as on a board's flash."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            self.flush()
            self._file.close()

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def kept_open(name: Any, mode: str = "r", *more: Any) -> Any:
    file = builtins.open(name, mode, *more)  # noqa: SIM115
    return Kept(file) if set(mode) & set("wax+") else file


def rename(old: str, new: str) -> None:
    """Rename a file; it has its new name on the disk, too, when this returns."""
    os.rename(old, new)
    folder = os.open(os.path.dirname(new) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def free() -> int:
    """Bytes of RAM that are free, as the kernel counts."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 30


def facts() -> ModuleType:
    """The module `board`."""
    made = Alone("board")
    exec(boards.load(boards.LINUX).module(), vars(made))
    return made


def install() -> None:
    """Have lib/ see a board here."""
    loader.install()
    loader.PACKAGES["node"] = [LIB / "node"]
    loader.PACKAGES["sensors"] = [LIB / "sensors", BOARD / "sensors"]
    loader.LATE.update({name: f"boards.{boards.LINUX}.{name}" for name in HARDWARE})
    loader.BUILTINS["open"] = kept_open
    modules = loader.MODULES
    modules["board"] = facts()
    modules["os"] = Over("os", rename=rename, sync=lambda: None, ilistdir=ilistdir)
    vars(modules["gc"])["mem_free"] = free
    vars(modules["sys"])["path"] = [str(LIB), str(BOARD)]
    vars(modules["time"]).update(time=clock.time_now, gmtime=clock.gmtime, localtime=clock.gmtime)


def end_with_starter() -> None:
    """Stop when the program that started this is gone: then the pipe that is stdin ends."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> None:
    """Start as a board does: first boot(), then run()."""
    os.chdir(folder)
    install()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=end_with_starter, daemon=True).start()
    node = importlib.import_module("node.main")
    node.boot()
    node.run()


def run(code: str) -> None:
    """Run a program on the board."""
    install()
    names: dict[str, Any] = {"__name__": "__main__"}
    loader.run_in(names)
    exec(code, names)


if __name__ == "__main__":
    if sys.argv[1] == "-c":
        program = sys.argv.pop(2)
        del sys.argv[0]
        run(program)
    else:
        main(Path(sys.argv[1]))
