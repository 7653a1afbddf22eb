"""A ROMFS: an image of a folder whose files are used where they stand, bytecode and all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.shared.errors import ToolError


def romfs(folder: Path, out: Path) -> Path:
    """Make the image of a folder, as mpremote makes it for a board. Returns `out`."""
    mpremote = [str(Path(sys.executable).parent / "mpremote"), "romfs", "--no-mpy", "-o", str(out)]
    make([*mpremote, "build", str(folder)])
    return out


def make(command: list[str]) -> None:
    """Run a command that makes an image. Raises ToolError with what it said last."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        raise ToolError(f"no image was made: {said[-1] if said else 'no reason given'}")
