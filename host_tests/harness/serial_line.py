"""A serial line with a name that comes and goes, as a USB adapter's does; SLIP frames on it.

A pty stands in for it. Its name in /dev/pts is soon given to somebody else, so users open a
symbolic link, which is gone while the line is unplugged. The lines DTR and RTS do not exist here.
"""

from __future__ import annotations

import os
import pty
import select
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED_END, _ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"
_RATES = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


class SerialLine:
    """The board's end; `path` is where the host finds its own. Used for one plugging-in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The host's end is kept open here too: when the host closes it, the line stays.
        self._board, self._host = pty.openpty()
        tty.setraw(self._host)
        self._wake, self._stop = os.pipe()
        path.symlink_to(os.ttyname(self._host))

    def hang_up(self) -> None:
        """Take the line away, also from a host that has it open. Nothing can be sent any more."""
        self._path.unlink()
        os.close(self._board)
        os.close(self._host)

    def stop(self) -> None:
        """End frames(), from any thread."""
        os.write(self._stop, b"x")

    def close(self) -> None:
        """The last call, when nobody needs stop() any more."""
        os.close(self._wake)
        os.close(self._stop)

    @property
    def rate(self) -> int:
        """The rate at which the host speaks and listens, in bit/s."""
        return _RATES[termios.tcgetattr(self._host)[5]]

    def frames(self) -> Iterator[bytes]:
        """What the host sends, frame by frame, until stop()."""
        held = b""
        while True:
            ready, _, _ = select.select([self._board, self._wake], [], [])
            if self._wake in ready:
                return
            *whole, held = (held + os.read(self._board, 65536)).split(_END)
            for frame in filter(None, whole):
                yield frame.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)

    def send(self, frame: bytes) -> None:
        """Send one frame to the host."""
        plain = frame.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
        os.write(self._board, _END + plain + _END)
