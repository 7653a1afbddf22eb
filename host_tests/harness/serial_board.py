"""A board on a serial port, for mpremote: MicroPython on a folder, its raw REPL on a pty."""

from __future__ import annotations

import hashlib
import os
import pty
import time
import tty
from pathlib import Path

from tools.shared.paths import MICROPYTHON
from tools.shared.process import popen

SCRIPT = Path(__file__).parent.parent / "scripts" / "raw_repl.py"


class SerialBoard:
    """`port` is where mpremote finds it, `root` its file system. A context manager.

    rom: bytes of the ROMFS that it has; `rom` is the file that is its flash, and like `root` stays
    cut: the power goes in the middle of that operation of this flash, counted from 1
    """

    def __init__(self, root: Path, rom: int = 0, cut: int = 0) -> None:
        self.root = root
        self.rom = root.with_name(root.name + ".rom")
        if rom and not self.rom.exists():
            self.rom.write_bytes(b"\xff" * rom)
        self._notes = root.with_name(root.name + ".resets")
        root.mkdir(exist_ok=True)
        # The board is at one end. The other is kept open: when mpremote leaves, the line stays.
        board, self._line = pty.openpty()
        tty.setraw(self._line)
        self.port = os.ttyname(self._line)
        command = [str(MICROPYTHON["64"]), str(SCRIPT), str(self._notes)]
        command += [str(self.rom), str(cut)] if rom else []
        self._process = popen(command, cwd=root, stdin=board, stdout=board)
        os.close(board)

    def __enter__(self) -> SerialBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.unplug()
        os.close(self._line)

    @property
    def id(self) -> str:
        """What machine.unique_id() says, in hex."""
        return hashlib.sha256(str(self._notes).encode()).hexdigest()[:12]

    def wait_reset(self, timeout: float = 40) -> None:
        """Wait until machine.reset() is called; mpremote does not."""
        end = time.monotonic() + timeout
        while not self._notes.exists():
            if time.monotonic() > end:
                raise TimeoutError(f"no machine.reset() within {timeout} s")
            time.sleep(0.02)

    def unplug(self) -> None:
        """End the board; the port says nothing any more."""
        self._process.kill()
        self._process.wait()
