"""Packages from PyPI in a virtual environment of their own: what a heavy test compares with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS


def folder_of(package: str, version: str) -> Path:
    """The environment's folder."""
    return TOOLS / f"{package.partition('[')[0]}-{version}"


def python_of(package: str, version: str) -> Path:
    """Its Python."""
    return folder_of(package, version) / "bin" / "python"


def install(package: str, version: str) -> None:
    """Fetch a package, unless it is there. Raises ToolError."""
    folder = folder_of(package, version)
    with Lock(folder.with_suffix(".lock")):
        done = folder / "done"
        if done.exists():
            return
        python = str(python_of(package, version))
        for words in (
            [sys.executable, "-m", "venv", str(folder)],
            [python, "-m", "pip", "-q", "install", f"{package}=={version}"],
        ):
            made = subprocess.run(words, capture_output=True, text=True, check=False)
            if made.returncode:
                raise ToolError(f"{package} can't be fetched: {made.stderr.strip()[-300:]}")
        done.touch()
