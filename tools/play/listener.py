"""A port that takes connections, or refuses them for a while as a host without a server does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from tools.play.broker import free_port


class Listener:
    """Calls serve(connection) in a thread of its own for each connection, until close()."""

    def __init__(
        self, serve: Callable[[socket.socket], None], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        # Bound to it by its number, a socket keeps its port while it does not listen.
        self.port = port or free_port()
        self._serve = serve
        self._socket = socket.create_server((host, self.port))
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._listens = threading.Event()
        self._listens.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self) -> None:
        """Take no new connections. The port stays ours on Linux; elsewhere they are reset."""
        if self._listens.is_set():
            self._listens.clear()
            self._end()

    def accept(self) -> None:
        """Take connections again."""
        self._socket.listen()
        self._listens.set()

    def close(self) -> None:
        """Give up the port."""
        self._closed = True
        self._end()
        self._socket.close()
        self._listens.set()

    def join(self, timeout: float) -> None:
        """Wait until every connection has been served."""
        for thread in self._threads:
            thread.join(timeout)

    def _end(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it does not listen, or this is a system without that

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                self._listens.wait()
                continue
            if self._listens.is_set():
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()
            else:
                reset(connection)


def reset(end: socket.socket) -> None:
    """Close it as one does that knows nothing of it: RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    end.close()
