"""An emulated board's serial port as a pty, for programs that want a device to open."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import threading
import tty

_PIECE = 512


class Tty:
    """Carries bytes between a socket and a pty; `name` is what to open. A context manager.

    board: a connected socket, which stays the caller's to close
    """

    def __init__(self, board: socket.socket) -> None:
        self._socket = board
        # The other end is kept open: when a program leaves, the line stays.
        self._master, self._slave = pty.openpty()
        for end in (self._master, self._slave):
            tty.setraw(end)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> Tty:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the port away."""
        self._wake.close()
        self._thread.join()
        self._woken.close()
        os.close(self._master)
        os.close(self._slave)

    def _carry(self) -> None:
        up = down = b""  # what was taken and not handed on yet, to the board and from it
        while True:
            sources: list[socket.socket | int] = [self._woken]
            sources += [] if up else [self._master]
            sources += [] if down else [self._socket]
            sinks: list[socket.socket | int] = [self._socket] if up else []
            sinks += [self._master] if down else []
            ready, free, _ = select.select(sources, sinks, [])
            if self._woken in ready:
                return
            with contextlib.suppress(BlockingIOError):
                if self._master in ready:
                    up = os.read(self._master, _PIECE)
                if self._master in free:
                    down = down[os.write(self._master, down) :]
            try:
                if self._socket in ready:
                    down = self._socket.recv(_PIECE)
                    if not down:
                        return  # the emulator has ended
                if self._socket in free:
                    up = up[self._socket.send(up) :]
            except OSError:
                return
