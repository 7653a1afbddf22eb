"""Sees to it that no test writes into the checkout: a run that leaves something there fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Where tools, builds and caches keep what they make; git ignores it as well.
_OURS = {".git", ".venv", ".tools", "build", "node_modules", "__pycache__"}
_OURS |= {".mypy_cache", ".ruff_cache", ".pytest_cache"}


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """The files below a folder, without builds and caches: path -> size and time."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _OURS]
        for name in files:
            path = Path(folder, name)
            about = path.lstat()
            found[path.relative_to(root).as_posix()] = (about.st_size, about.st_mtime_ns)
    return found


class Watch:
    """A plugin of pytest that compares the checkout before and after a run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before = listing(root)
        self._changed: list[str] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run if there is a difference."""
        after = listing(self._root)
        names = sorted({*self._before, *after})
        self._changed = [name for name in names if self._before.get(name) != after.get(name)]
        if self._changed and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was written."""
        for name in self._changed:
            terminalreporter.write_line(
                f"ERROR: written into the checkout, by a test or by you meanwhile: {name}"
            )
