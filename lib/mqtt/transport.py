"""How a connection is opened. A client is handed a dialler and knows nothing of sockets.

A dialler is a function without arguments that begins to open a connection and returns a stream:
in non-blocking mode, known to select.poll, with MicroPython's readinto(buf, n), write(buf, n),
write(buf, offset, n) and close(). readinto returns None where there is nothing yet and 0 at the
end; write returns None or fewer bytes where there is no room. The connection need not stand yet:
the client waits, with a deadline, until the stream can be written to. What fails is an OSError.
"""

import socket
from errno import EINPROGRESS


def look_up(host, port):
    """Return a function that finds the address, and takes the last one when that fails."""
    info = None

    def find():
        nonlocal info
        try:
            # This blocks on every port of MicroPython, for as long as its resolver takes.
            info = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        except OSError:
            if info is None:
                raise
        return info

    return find


def tcp(host, port=1883):
    """Return a dialler for plain TCP to `host`, a name or an address."""
    find = look_up(host, port)

    def dial():
        info = find()
        stream = socket.socket(info[0], info[1], info[2])
        try:
            stream.setblocking(False)
            stream.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                stream.close()
                raise
        return stream

    return dial
