"""The serial port of a board, inside an event loop: lost when it is unplugged."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable

import serial

from tools.shared.errors import ToolError

LOOK_S = 0.3  # from one look for a port that is not there to the next
# What a port answers that is not there, or is just coming or going.
ABSENT = (errno.ENOENT, errno.ENXIO, errno.EIO, errno.ENODEV)


class SerialPort:
    """An open port. `lost` is done, with the reason, when it is gone.

    on_data: called with whatever arrives
    """

    def __init__(self, name: str, baud: int, on_data: Callable[[bytes], None]) -> None:
        self._port = serial.Serial(name, baud, timeout=0, exclusive=True)
        self._loop = asyncio.get_running_loop()
        self._fd = self._port.fileno()
        self._on_data = on_data
        self._pending = bytearray()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._loop.add_reader(self._fd, self._readable)

    @property
    def busy(self) -> bool:
        """True while the port has not taken all that was sent."""
        return bool(self._pending)

    def send(self, data: bytes) -> None:
        """Send, at once or when the port takes it."""
        if self.lost.done():
            return
        if not self._pending:
            self._loop.add_writer(self._fd, self._writable)
        self._pending += data

    def close(self) -> None:
        """Give the port back."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._gone(error.strerror or "it fails")
            return
        if data:
            self._on_data(data)
        else:
            self._gone("it was unplugged")

    def _writable(self) -> None:
        try:
            del self._pending[: os.write(self._fd, self._pending)]
        except BlockingIOError:
            return
        except OSError as error:
            self._gone(error.strerror or "it fails")
        if not self._pending:
            self._loop.remove_writer(self._fd)

    def _gone(self, why: str) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pending.clear()
        if not self.lost.done():
            self.lost.set_result(why)


async def open_port(
    name: str, baud: int, on_data: Callable[[bytes], None], say: Callable[[str], None]
) -> SerialPort:
    """Open a port, waiting until it is there; ToolError where waiting is no help."""
    told = False
    while True:
        try:
            return SerialPort(name, baud, on_data)
        except (OSError, serial.SerialException) as error:
            number = error.errno
            if number == errno.EACCES:
                hint = "add yourself to its group: sudo usermod -aG dialout $USER, log in again"
                raise ToolError(f"you don't have permission for {name}", hint) from error
            if number in (errno.EAGAIN, errno.EBUSY):
                hint = "close it (a REPL, mpremote, another bridge) and start the bridge again"
                raise ToolError(f"another program uses {name}", hint) from error
            if number not in ABSENT:
                raise ToolError(
                    f"{name} is not a serial port", "Name the board's: PORT=/dev/ttyACM0"
                ) from error
        if not told:
            say(f"waiting for {name}: plug the board in, or name another port with PORT=")
            told = True
        await asyncio.sleep(LOOK_S)
