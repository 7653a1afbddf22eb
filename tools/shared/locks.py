"""One at a time: tests and commands of one clone share what they fetch and build."""

from __future__ import annotations

import fcntl
from pathlib import Path


class Lock:
    """Held by one process of all that name this file. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()
