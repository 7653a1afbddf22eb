"""A dialler whose streams count how often they are written to."""

import io

from mqtt.transport import tcp

_GET_FILENO = 10  # of MicroPython's stream protocol


class Counted(io.IOBase):
    """A socket; `writes` counts for all of them."""

    writes = 0

    def __init__(self, stream):
        self.stream = stream
        self.readinto = stream.readinto
        self.close = stream.close

    def write(self, *arguments):
        Counted.writes += 1
        return self.stream.write(*arguments)

    def ioctl(self, request, _):
        """Lets select.poll wait for the socket itself."""
        return self.stream.fileno() if request == _GET_FILENO else -1


def dialler(host, port):
    """mqtt.transport.tcp, counted."""
    dial = tcp(host, port)
    return lambda: Counted(dial())
