"""How to open a connection. A client gets a dialler, and knows nothing about sockets.

A dialler is a function without arguments that starts opening a connection and returns a stream: in
non-blocking mode, known to select.poll, with MicroPython's readinto(buf, n), write(buf, n),
write(buf, offset, n) and close(). readinto returns None if there is nothing yet, and 0 at the end;
write returns None or fewer bytes if there is no room. The connection needn't be open yet: the
client waits, with a deadline, until it can write to the stream. Failures are OSErrors.

A dialler can have two more attributes. connect_ms: how long the client waits from the call to
CONNACK, 10 s by default. more: how many addresses are left for the next calls to try; if one
fails, the client calls again at once, and gives each address its share of that time.
"""

from errno import EINPROGRESS
from time import ticks_diff, ticks_ms

from micropython import const

try:
    import socket
except ImportError:  # a board without a network; its MQTT goes over a stream
    pass

at: list = []  # host, port and stream (its id, 0 for none) of the last begin(); for engine.reach
_LASTED_MS = const(60_000)  # longer than between attempts, so the last one connected
_MOST = const(4)  # how many addresses of a name to try


class Dialler:
    """A dialler for TCP to `host`, a name or an address. Tries all addresses of a name in turn.

    An address is reused after a connection that lasted; all are if a look-up fails.
    """

    def __init__(self, host, port):
        self._dial = host, port
        self.known: list = []
        self.more = 0
        self._since = ticks_ms()

    def begin(self):
        """Return a socket that is connecting."""
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
                if self.more:  # for example, no way to an IPv6 address
                    return self.begin()
                raise
        at[2] = id(stream)
        return stream

    __call__ = begin


def tcp(host, port=1883):
    """Return a dialler for plain TCP to `host`, a name or an address."""
    return Dialler(host, port)
