"""Whether a firmware leaves the board's file system alone.

The rp2 port looks at that only when it is built for debugging. The first files of a board write
over what is too large, and it fails in places that have nothing to do with it.
"""

from __future__ import annotations

from pathlib import Path

from tools.shared import boards
from tools.shared.errors import ToolError

FLASH = 2 * 1024 * 1024  # bytes, of a Pico and of a Pico W


def check(name: str, image: Path, files: int | None = None) -> None:
    """Raise ToolError if the image of a board with an RP2040 reaches into its file system.

    files: the bytes of that, if not what the board has with MicroPython's own firmware
    """
    board = boards.load(name)
    if board.facts["port"] != "rp2":
        return  # the other ports' builds say so themselves
    room = FLASH - (files or board.petrel["storage"]["bytes"])
    size = image.stat().st_size
    if size > room:
        raise ToolError(
            f"the firmware has {size:,} bytes, and {name} has room for {room:,}: the files of the "
            f"board would overwrite the rest of it",
            f"leave out what you don't need, in boards/{name}/manifest.py",
        )
