"""Where a deploy goes: a board that mpremote reaches, or a folder that plays one.

`deploy` decides what has to be done; here it is done. A target tells what is there, and carries
out steps in their order, stopping at the first that fails. Only a board has a ROMFS.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.board import rom
from tools.board.rom import Rom
from tools.shared.errors import ToolError

CONFIG = "config.json"
HASH = 16  # hexadecimal digits of a hash in the record
RECORD = ".petrel.json"  # on the board: what a deploy put there, and its hashes


@dataclass(frozen=True)
class Step:
    """Copy `source` to a name on the target, or remove that name where there is no source.

    A name that ends in "/" is a folder to be removed. rom.ENTRY is the ROMFS: `source` is the
    image that it gets, and without one it is emptied.
    """

    name: str
    source: Path | None = None

    def programs(self) -> list[str]:
        """What the board has to run for it, if it is about the ROMFS."""
        if self.name != rom.ENTRY:
            return []
        return list(rom.programs(self.source.read_bytes() if self.source else b""))

    @property
    def reports(self) -> int:
        """How often a target tells that it is at this step."""
        return max(1, len(self.programs()) - 1)


@dataclass(frozen=True)
class Found:
    """What is there: the files below the top and lib/ with their sizes, and the record's text.

    free: bytes, None where that cannot be asked; drivers: those that its config names, None if it
    has none; keys: all keys of that config, see keys_of
    rom: its ROMFS, if it has one; mpy: the version of .mpy files that it loads, 0 if unknown
    """

    sizes: dict[str, int]
    folders: frozenset[str] = frozenset()
    record: str = ""
    free: int | None = None
    drivers: tuple[str, ...] | None = None
    keys: frozenset[str] = frozenset()
    rom: Rom | None = None
    mpy: int = 0


def drivers_of(config: str) -> tuple[str, ...] | None:
    """The drivers that the text of a config names; None if it is none."""
    try:
        sensors = json.loads(config)["sensors"]
        return tuple(sorted({str(sensor["driver"]) for sensor in sensors}))
    except (ValueError, KeyError, TypeError):
        return None


def keys_of(config: str) -> frozenset[str]:
    """All keys that the text of a config has, wherever they stand; none if it is no config."""
    keys: set[str] = set()
    try:
        json.loads(config, object_pairs_hook=lambda pairs: keys.update(key for key, _ in pairs))
    except ValueError:
        return frozenset()
    return frozenset(keys)


def record_size(names: Iterable[str]) -> int:
    """Bytes of the record of so many files."""
    return len(json.dumps(dict.fromkeys(names, "0" * HASH)))


class Target(Protocol):
    """A file system to deploy to."""

    def look(self) -> Found:
        """Tell what is there."""

    def carry_out(self, steps: Sequence[Step], started: Callable[[str], None]) -> None:
        """Take the steps; calls `started` as often as each reports. Raises ToolError."""


class Folder:
    """A folder as a board's file system: the simulated board's, or a mounted drive."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def look(self) -> Found:
        files = [*self.root.glob("*"), *(self.root / "lib").rglob("*")]
        sizes = {
            path.relative_to(self.root).as_posix(): path.stat().st_size
            for path in files
            if path.is_file()
        }
        return Found(
            sizes,
            frozenset(path.name for path in self.root.glob("*") if path.is_dir()),
            record=self._text(RECORD),
            free=shutil.disk_usage(self.root).free if self.root.exists() else None,
            drivers=drivers_of(self._text(CONFIG)),
            keys=keys_of(self._text(CONFIG)),
        )

    def _text(self, name: str) -> str:
        path = self.root / name
        return path.read_text(errors="replace") if path.is_file() else ""

    def carry_out(self, steps: Sequence[Step], started: Callable[[str], None]) -> None:
        for step in steps:
            started(step.name)
            path = self.root / step.name
            try:
                if step.source is None:
                    path.unlink(missing_ok=True)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(step.source, path)
            except OSError as error:
                raise ToolError(
                    f"{path}: {error.strerror}", "Fix that and deploy again."
                ) from error


_IDENTIFY = "import machine, sys; print('board', machine.unique_id().hex(), sys.platform)"
# Runs on the board: a line for each file and folder, then what is free, the drivers and keys of
# the config (not its values, among which are secrets), and the record.
_LOOK = f"""{rom.FIND}
import json, os, sys
def look(folder, before):
    for entry in os.ilistdir(folder):
        name = before + entry[0]
        if entry[1] & 0x4000:
            print(0, name + "/")
            if name.split("/")[0] == "lib":
                look(name, name + "/")
        else:
            print(os.stat(name)[6], name)
look(os.getcwd(), "")
found = os.statvfs(os.getcwd())
print("free", found[0] * found[4])
print("mpy", getattr(sys.implementation, "_mpy", 0) & 255)
if rom:
    print("rom", *held())
try:
    with open({CONFIG!r}) as file:
        config = json.load(file)
    print("drivers", *[sensor["driver"] for sensor in config["sensors"]])
    for section in [config] + list(config.values()) + config["sensors"]:
        if isinstance(section, dict):
            print("keys", *section)
except (OSError, ValueError, KeyError, TypeError):
    pass
try:
    with open({RECORD!r}) as file:
        print(file.read())
except OSError:
    pass
"""


class Mpremote:
    """A board on a serial port, reached as a person reaches it.

    Looking interrupts what runs and resets the interpreter, so that the board's RAM is free; all
    steps then go through one run of mpremote, which itself skips a file that is there already.
    """

    def __init__(self, port: str) -> None:
        self._port = port
        self._folders: set[str] = set()

    def identify(self) -> tuple[str, str]:
        """The board's id, in hex, and MicroPython's name of its platform."""
        for line in self._run(["exec", _IDENTIFY]).splitlines():
            if line.startswith("board "):
                _, number, platform = line.split()
                return number, platform
        raise ToolError(
            f"the board on {self._port} doesn't say who it is",
            "Is its MicroPython 1.24 or later? See make flash.",
        )

    def look(self) -> Found:
        sizes: dict[str, int] = {}
        record = ""
        free: int | None = None
        drivers: tuple[str, ...] | None = None
        keys: set[str] = set()
        held: Rom | None = None
        mpy = 0
        for line in self._run(["exec", _LOOK]).splitlines():
            size, _, name = line.partition(" ")
            if line.startswith("{"):
                record = line
            elif size == "free":
                free = int(name)
            elif size == "drivers":
                drivers = tuple(name.split())
            elif size == "keys":
                keys.update(name.split())
            elif size == "mpy":
                mpy = int(name)
            elif size == "rom":
                room, ours, *digest = name.split()
                held = Rom(int(room), "".join(digest), ours == "1")
            elif name.endswith("/"):
                self._folders.add(name[:-1])
            elif size.isdigit():
                sizes[name] = int(size)
        folders = frozenset(self._folders)
        return Found(sizes, folders, record, free, drivers, frozenset(keys), held, mpy)

    def text(self, name: str) -> str:
        """What a file on it says."""
        return self._run(["resume", "fs", "cat", f":{name}"])

    def carry_out(self, steps: Sequence[Step], started: Callable[[str], None]) -> None:
        names = iter([step.name for step in steps for _ in range(step.reports)])

        def heard(line: str) -> None:
            if line.startswith(("cp ", "rm ", "rmdir ", "rom ")):
                started(next(names, ""))

        commands = ["resume"]
        size = 0
        for step in steps:
            if programs := step.programs():
                size = max(size, *map(len, programs))
                commands += [part for program in programs for part in ("exec", program, "+")]
                continue
            if step.source is None:
                what = "rmdir" if step.name.endswith("/") else "rm"
                commands += ["fs", what, f":{step.name.rstrip('/')}", "+"]
                continue
            size = max(size, step.source.stat().st_size)
            for folder in self._missing_folders(step.name):
                commands += ["fs", "mkdir", f":{folder}", "+"]
            commands += ["fs", "cp", str(step.source), f":{step.name}", "+"]
        self._run(commands[:-1], size, heard)

    def reset(self) -> None:
        """Start what was deployed."""
        self._run(["resume", "reset"])

    def _missing_folders(self, name: str) -> Iterable[str]:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            if folder not in self._folders:
                self._folders.add(folder)
                yield folder

    def _run(
        self, commands: list[str], size: int = 0, heard: Callable[[str], None] = lambda line: None
    ) -> str:
        """Run mpremote; returns what it said.

        size: the most bytes that are copied between one line that it says and the next
        """
        said: list[str] = []
        late = threading.Event()
        with subprocess.Popen(
            [sys.executable, "-m", "mpremote", "connect", self._port, *commands],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:

            def end() -> None:
                late.set()
                process.kill()

            def watch() -> threading.Timer:
                # At 115,200 baud a board takes some 4 KB a second.
                timer = threading.Timer(60 + size / 1000, end)
                timer.start()
                return timer

            timer = watch()
            assert process.stdout
            for line in process.stdout:
                timer.cancel()
                timer = watch()
                said.append(line.rstrip())
                heard(line)
            timer.cancel()
        if late.is_set():
            said.append("no answer")
        if process.returncode:
            raise explained(self._port, said)
        return "\n".join(said)


# What mpremote says, in lower case, and what to do about it.
_ADVICE = {
    "no space": "Its file system is full: remove files with mpremote fs rm.",
    "enospc": "Its file system is full: remove files with mpremote fs rm.",
    "permission denied": "You may not use that port: add yourself to its group (dialout).",
    "failed to access": "Is it plugged in? Close the program that uses the port.",
    "raw repl": "is MicroPython on it (make flash)? press its reset button and deploy again",
}
_LOST = (
    "The connection was lost. Deploy again: it goes on from there. If the node's watchdog is on, "
    "first run mpremote touch :maintenance + reset."
)


def explained(port: str, said: list[str]) -> ToolError:
    """mpremote's last words as an error that says what to do."""
    last = next((line for line in reversed(said) if line.strip()), "it printed nothing")
    everything = "\n".join(said[-20:]).lower()
    advice = next((what for words, what in _ADVICE.items() if words in everything), _LOST)
    return ToolError(f"the board on {port}: {last.removeprefix('mpremote: ')}", advice)
