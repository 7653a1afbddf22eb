"""MQTT over an open stream: a UART, a USB serial port. Imported when used."""

import io
import select
from errno import EINVAL

from micropython import const

_POLL = const(3)  # the request of MicroPython's stream protocol that select.poll makes


def stream(port):
    """Return a dialler for `port`, for example a machine.UART.

    port: in non-blocking mode (a UART with timeout=0), known to select.poll, with readinto(buf, n)
    and write(buf, offset, n). It stays open when the connection ends. What arrives before the next
    connection begins belongs to the last one, and is dropped.
    """

    def dial():
        opened = _Stream(port)
        scratch = bytearray(64)
        while opened.readinto(scratch, 64):
            pass
        return opened

    return dial


class _Stream(io.IOBase):
    """The port, except for a close() that leaves it open."""

    def __init__(self, port):
        self._port = port
        self._poller = select.poll()
        self._poller.register(port, select.POLLIN | select.POLLOUT)

    def readinto(self, buffer, n):
        return self._port.readinto(buffer, n)

    def write(self, data, at, n):
        return self._port.write(data, at, n)

    def ioctl(self, request, flags):
        if request != _POLL:
            return -EINVAL  # among others to the one that asks for a file's number
        for _, ready in self._poller.ipoll(0):
            return ready & flags
        return 0

    def close(self):
        self._poller.unregister(self._port)
