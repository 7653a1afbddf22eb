"""How to reach the broker over a serial line. Needed once, then forgotten."""

import select
import sys

from mqtt.serial import serial
from node.overlay import call


def dials(node, mqtt):
    """Return a list of one dialler; mqtt: that section of the config.

    The bridge also gives the time, at each connection and every hour.
    """

    def on_time(seconds):
        try:
            call("network", "clock", "told", node, seconds)
        except MemoryError as error:
            if node.unset:
                raise  # the connection is tried again, and may have room then
            node.failed("clock", error)  # it comes again in an hour

    where = mqtt["serial"]
    if where != "usb":
        return [_uart(where, mqtt["baud"], on_time)]
    try:
        kind = __import__("pyb").USB_VCP
    except (ImportError, AttributeError):
        return [serial(Terminal(), on_time=on_time)]
    port = kind()
    dial = serial(port, on_time=on_time)

    def begin():
        # Without this a write blocks if the host doesn't read. Unplugging undoes it.
        port.init(flow=kind.RTS | kind.CTS)
        return dial()

    return [begin]


def _uart(where, baud, on_time):
    """Return a dialler over a UART. A UART that the board lacks is reported like a lost broker."""
    dial = None

    def begin():
        nonlocal dial
        if dial is None:
            import machine

            # Room for a whole frame that arrives while a sensor is read.
            dial = serial(
                machine.UART(where, baudrate=baud, timeout=0, rxbuf=512), on_time=on_time
            )
        return dial()

    return begin


class Terminal:
    """The REPL's own line as a port, on boards without USB_VCP."""

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._one = bytearray(1)
        self._readable = select.poll()
        self._readable.register(self._in, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._out, select.POLLOUT)

    def readinto(self, buffer, n):
        """Read what is there, byte by byte: on most ports reading more would block."""
        at = 0
        while at < n and self._ready(self._readable):
            if not self._in.readinto(self._one, 1):
                break
            buffer[at] = self._one[0]
            at += 1
        return at

    def write(self, data, at, n):
        """Write if there is room for anything."""
        return self._out.write(data, at, n) if self._ready(self._writable) else None

    def _ready(self, poller):
        for _ in poller.ipoll(0):
            return True
        return False
