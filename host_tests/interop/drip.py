"""A relay that passes one byte at a time, both ways: packets come in the smallest of pieces."""

from __future__ import annotations

import socket
import threading
import time

PACE_S = 0.0003  # enough for the other side to read a byte before the next one comes


class Drip:
    """Forwards one connection after the other from a free loopback port; a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._open[0].getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Drip:
        return self

    def __exit__(self, *error: object) -> None:
        for one in self._open:
            _shut(one)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._open[0].accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=_drip, args=(source, sink), daemon=True)
                self._threads.append(thread)
                thread.start()


def _drip(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            for i in range(len(data)):
                sink.sendall(data[i : i + 1])
                time.sleep(PACE_S)
    except OSError:
        pass
    _shut(source)
    _shut(sink)


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is not connected any more
