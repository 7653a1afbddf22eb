"""How a connection is opened. A client is handed a dialler and knows nothing of sockets.

A dialler is a function without arguments that begins to open a connection and returns a stream:
in non-blocking mode, known to select.poll, with MicroPython's readinto(buf, n), write(buf, n),
write(buf, offset, n) and close(). readinto returns None where there is nothing yet and 0 at the
end; write returns None or fewer bytes where there is no room. The connection need not stand yet:
the client waits, with a deadline, until the stream can be written to. What fails is an OSError.
"""

from errno import EINPROGRESS
from time import ticks_diff, ticks_ms

from micropython import const

try:
    import socket
except ImportError:  # a board without a network; its MQTT goes over a stream, or mqtt.serial
    pass

at: list = []  # host, port and stream (its id, 0 for none) of the last begin(); for mqtt.reach
_LASTED_MS = const(60_000)  # more than from one attempt to the next: so the last one did connect


def begin(host, port, known):
    """Return a socket that begins to connect.

    known: a list of the dialler's; it keeps the address that was found, and when it was last used.
    It is used again after a connection that lasted, and when the look-up fails.
    """
    at[:] = (host, port, 0)
    now = ticks_ms()
    if not known or ticks_diff(now, known[1]) < _LASTED_MS:
        try:
            # This blocks on every port of MicroPython, for as long as its resolver takes.
            known[:1] = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[:1]
        except OSError:
            if not known:
                raise
    known[1:] = (now,)
    info = known[0]
    stream = socket.socket(info[0], info[1], info[2])
    try:
        stream.setblocking(False)
        stream.connect(info[-1])
    except OSError as error:
        if error.errno != EINPROGRESS:
            stream.close()
            raise
    at[2] = id(stream)
    return stream


def tcp(host, port=1883):
    """Return a dialler for plain TCP to `host`, a name or an address."""
    known: list = []
    return lambda: begin(host, port, known)
