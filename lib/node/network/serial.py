"""The way to the broker over a serial line. Needed once, and then forgotten."""

import select
import sys

from mqtt.serial import serial
from node.overlay import call


def dials(node, mqtt):
    """Return a list of one dialler; mqtt: that section of the config.

    The bridge tells the time as well, at each connection and every hour.
    """

    def on_time(seconds):
        try:
            call("network", "clock", "told", node, seconds)
        except MemoryError as error:
            if node.unset:
                raise  # the connection is tried again, and then it may have room
            node.failed("clock", error)  # in an hour it is told again

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
        # Without this a write waits where the host does not read. Pulling the plug undoes it.
        port.init(flow=kind.RTS | kind.CTS)
        return dial()

    return [begin]


def _uart(where, baud, on_time):
    """A dialler over a UART; one that the board has not is told, like a broker that is away."""
    dial = None

    def begin():
        nonlocal dial
        if dial is None:
            import machine

            # The room is for a whole frame that comes while a sensor is read.
            dial = serial(
                machine.UART(where, baudrate=baud, timeout=0, rxbuf=512), on_time=on_time
            )
        return dial()

    return begin


class Terminal:
    """The REPL's own line as a port, where there is no USB_VCP."""

    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._one = bytearray(1)
        self._readable = select.poll()
        self._readable.register(self._in, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._out, select.POLLOUT)

    def readinto(self, buffer, n):
        """Read what is there, byte by byte, for on most ports reading more would wait."""
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
