"""One at a time: tests and commands of one clone share what they fetch and build."""

from __future__ import annotations

import fcntl
from pathlib import Path


class Lock:
    """Held by one process of all that name this file. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._open()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.free()

    def taken(self) -> bool:
        """Take it without waiting; False if another has it."""
        self._open()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            return False
        return True

    def free(self) -> None:
        """Give it back; so does the end of the process, however it comes."""
        self._file.close()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w")
