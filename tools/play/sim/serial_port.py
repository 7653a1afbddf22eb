"""A serial port for the simulated board: a program here opens it as it would that of a real one.

What the board says goes to the terminal as well. What no program reads from the port is dropped,
so that the board never waits for a reader.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import threading
import tty
from collections.abc import Callable

from tools.talk.improv import Decoder


class SerialPort:
    """`board`: the board's end, a descriptor; `name`: what a program opens; a context manager.

    show: called with each line of text that the board says
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self.board, self._from_board = pty.openpty()
        self._from_program, self._kept = pty.openpty()  # kept open: programs come and go
        tty.setraw(self._from_board)
        tty.setraw(self._kept)
        os.set_blocking(self._from_program, False)
        self.name = os.ttyname(self._kept)
        self._stop, self._stopping = os.pipe()
        self._decoder = Decoder()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> SerialPort:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopping)
        self._thread.join()
        for each in (self.board, self._from_board, self._from_program, self._kept, self._stop):
            os.close(each)

    def _carry(self) -> None:
        ends = (self._from_board, self._from_program, self._stop)
        while True:
            ready = select.select(ends, [], [])[0]
            if self._stop in ready:
                return
            if self._from_board in ready:
                said = os.read(self._from_board, 4096)
                with contextlib.suppress(BlockingIOError):  # nobody reads
                    os.write(self._from_program, said)
                for text in self._decoder.feed(said):
                    if isinstance(text, str):  # else a packet of Improv
                        self._show(text)
            if self._from_program in ready:
                os.write(self._from_board, os.read(self._from_program, 4096))
