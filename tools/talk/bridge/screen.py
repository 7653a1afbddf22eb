"""The terminal: what the bridge says and what the board prints, apart; and keys for the board."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from tools.shared.errors import ToolError

IDLE_S = 0.3  # text without a line end, a prompt for example, is shown after so long
LEAVE = 0x1D  # Ctrl-]
LONGEST = 4096  # characters of a line


class Screen:
    """Where it all is shown. raw: what the board prints is passed on as it is, for its REPL."""

    def __init__(self, raw: bool = False) -> None:
        self._raw = raw
        self._console = Console(highlight=False, soft_wrap=True)
        self._line = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def say(self, text: str) -> None:
        """A line of the bridge's own; one that the board has begun is shown when it has ended."""
        self._show("bridge: ", "bold cyan", text)

    def text(self, data: bytes) -> None:
        """What the board printed, in any pieces."""
        if self._raw:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        self._line += data
        *lines, rest = self._line.split(b"\n")
        for line in lines:
            self._board(line)
        self._line = rest
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if len(rest) > LONGEST:
            self.flush()
        elif rest:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self.flush)

    def flush(self) -> None:
        """Show what has no line end yet."""
        if self._line:
            line, self._line = self._line, bytearray()
            self._board(line)

    def _board(self, line: bytes | bytearray) -> None:
        text = line.rstrip(b"\r").decode(errors="replace")
        # Without what a terminal would obey: on a noisy line it can be anything.
        clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
        self._show("board: ", "dim", clean)

    def _show(self, who: str, style: str, text: str) -> None:
        line = Text.assemble((who, style), text)
        self._console.print(line, end="\r\n" if self._raw else "\n")


class Keys:
    """The keyboard, as it is: on_keys gets what is typed, on_leave is called at Ctrl-]."""

    def __init__(self, on_keys: Callable[[bytes], None], on_leave: Callable[[], object]) -> None:
        if not sys.stdin.isatty():
            raise ToolError(
                "--keys needs a terminal", "Run it in a terminal, or leave out --keys."
            )
        self._on_keys = on_keys
        self._on_leave = on_leave
        self._fd = sys.stdin.fileno()

    def __enter__(self) -> Keys:
        self._before = termios.tcgetattr(self._fd)
        tty.setraw(self._fd)
        asyncio.get_running_loop().add_reader(self._fd, self._typed)
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def _typed(self) -> None:
        data = os.read(self._fd, 256)
        keys, leave, _ = data.partition(bytes((LEAVE,)))
        if keys:
            self._on_keys(keys)
        if leave or not data:
            self._on_leave()
