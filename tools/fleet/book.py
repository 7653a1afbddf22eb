"""What is kept of a rollout, so that it goes on after an interruption, and who did what.

Without a collector it is in files beside fleet.toml: rollouts/SERIAL.json is all that is needed to
go on, rollouts/log.txt gets a line for each thing that happened. With one it is in the collector's
database, where its page shows it.
"""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from tools.shared.errors import ToolError
from tools.shared.locks import Lock

FOLDER = "rollouts"
CONFIG, DATABASE = "collector.toml", "collector.db"  # the collector's, in this folder


class Book(Protocol):
    """Where a rollout is kept."""

    def load(self) -> dict[str, Any] | None:
        """What was kept; None if it is new."""

    def save(self, kept: dict[str, Any], over: bool) -> bool:
        """Keep it, in one step; False if that must be tried again. over: there is no more to do"""

    def note(self, words: str, node: str = "") -> None:
        """Write down what happened, when, and who ran the command."""

    def stop_asked(self) -> str:
        """The name of the person who asked to stop it; empty if nobody did."""

    def again(self) -> None:
        """Forget that somebody wanted it to stop."""

    @property
    def place(self) -> str:
        """Where a person finds what happened."""


class Files:
    """Keeps it in files."""

    def __init__(self, folder: Path, serial: int) -> None:
        self._path = folder / f"{serial}.json"
        self._log = folder / "log.txt"
        self._serial = serial
        self._before = ""

    def load(self) -> dict[str, Any] | None:
        """What was kept; None if it is new."""
        try:
            kept: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ToolError(f"{self._path} is damaged", "Remove it to begin again.") from error
        return kept

    def save(self, kept: dict[str, Any], over: bool) -> bool:
        """Keep it, in one step."""
        text = json.dumps(kept)
        if text != self._before:
            new = self._path.with_suffix(".new")
            new.write_text(text)
            new.replace(self._path)
            self._before = text
        return True

    def note(self, words: str, node: str = "") -> None:
        """Add a line to the log."""
        at = datetime.now().astimezone().isoformat(timespec="seconds")
        about = f"{node}: " if node else ""
        with self._log.open("a") as file:
            file.write(f"{at} {who()} serial {self._serial}: {about}{words}\n")

    def stop_asked(self) -> str:
        """Nobody can ask for it: there is no page."""
        return ""

    def again(self) -> None:
        """Nobody has asked."""

    @property
    def place(self) -> str:
        """The log."""
        return str(self._log)


def who() -> str:
    """Who runs this, and where."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


@contextmanager
def opened(
    folder: Path, base: str, serial: int, version: str, database: str | None
) -> Iterator[Book]:
    """The book of a rollout, while nobody else may write it. Raises ToolError if somebody does.

    folder: of fleet.toml; database: its URL; None: the collector's of this folder, if there is one
    """
    files = Files(folder / FOLDER, serial)
    lock = Lock(folder / FOLDER / f"{serial}.lock")
    if not lock.taken():
        raise ToolError(
            f"the rollout of {serial} runs already", "Look for the other petrel fleet rollout."
        )
    try:
        url = _collectors() if database is None else database
        if not url:
            yield files
            return
        if not find_spec("sqlalchemy"):
            raise ToolError(
                "the collector's packages are needed to reach its database", "Run: make setup"
            )
        # They take long to import, and who has no collector doesn't have them.
        from tools.backend.database import open_database
        from tools.backend.rollouts import Record

        engine = open_database(url)
        try:
            yield Record(engine, (base, serial), version, who(), files.load())
        finally:
            engine.dispose()
    finally:
        lock.free()


def _collectors() -> str:
    """The URL of the database of the collector that runs in this folder; empty if none does."""
    if Path(CONFIG).exists():
        if not find_spec("pydantic"):
            raise ToolError(
                f"the collector's packages are needed to read {CONFIG}", "Run: make setup"
            )
        from tools.backend.config import load

        return load(Path(CONFIG)).database.url
    return f"sqlite:///{DATABASE}" if Path(DATABASE).exists() else ""
