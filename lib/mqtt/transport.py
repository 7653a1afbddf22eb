"""How a connection is opened. A client is handed a dialler and knows nothing of sockets.

A dialler is a function without arguments that begins to open a connection and returns a stream:
in non-blocking mode, known to select.poll, with MicroPython's readinto(buf, n), write(buf, n),
write(buf, offset, n) and close(). readinto returns None where there is nothing yet and 0 at the
end; write returns None or fewer bytes where there is no room. The connection need not stand yet:
the client waits, with a deadline, until the stream can be written to. What fails is an OSError.

A dialler may be an object with two attributes more. connect_ms: how long the client waits from the
call to CONNACK, 10 s unless given. more: how many addresses are left that the next calls will try;
the client calls again at once when one fails, and gives each its share of that time.
"""

from errno import EINPROGRESS
from time import ticks_diff, ticks_ms

from micropython import const

try:
    import socket
except ImportError:  # a board without a network; its MQTT goes over a stream, or mqtt.serial
    pass

at: list = []  # host, port and stream (its id, 0 for none) of the last begin(); for engine.reach
_LASTED_MS = const(60_000)  # more than from one attempt to the next: so the last one did connect
_MOST = const(4)  # addresses of a name that are tried


class Dialler:
    """A dialler for TCP to `host`, a name or an address. All that a name has are tried in turn.

    An address is used again after a connection that lasted; and all of them when a look-up fails.
    """

    def __init__(self, host, port):
        self._dial = host, port
        self.known: list = []
        self.more = 0
        self._since = ticks_ms()

    def begin(self):
        """Return a socket that begins to connect."""
        at[:] = self._dial + (0,)
        now = ticks_ms()
        if not self.known or 0 <= ticks_diff(now, self._since) < _LASTED_MS:
            if self.more:
                self.more -= 1
            else:
                try:
                    # This blocks on every port of MicroPython, for as long as its resolver takes.
                    self.known = socket.getaddrinfo(*self._dial, 0, socket.SOCK_STREAM)[:_MOST]
                except OSError:
                    if not self.known:
                        raise
                self.more = len(self.known) - 1
        self._since = now
        info = self.known[-1 - self.more]
        stream = socket.socket(info[0], info[1], info[2])
        try:
            stream.setblocking(False)
            stream.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                stream.close()
                if self.more:  # there is no way to an IPv6 address, say
                    return self.begin()
                raise
        at[2] = id(stream)
        return stream

    __call__ = begin


def tcp(host, port=1883):
    """Return a dialler for plain TCP to `host`, a name or an address."""
    return Dialler(host, port)
