"""The air between the simulated board and a broker: a TCP relay that can be switched off.

While it is off, nothing passes and nobody is told: open connections hang, as they do when a radio
goes out of reach, and new ones get no answer.
"""

from __future__ import annotations

import socket
import threading

from tools.play.listener import Listener


class Relay:
    """Forwards connections from a free loopback port to (host, port)."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.on = threading.Event()
        self.on.set()
        self._sending = 0
        self._changed = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._listener = Listener(self._join)
        self.port = self._listener.port
        self.refuse = self._listener.refuse
        self.accept = self._listener.accept

    def close(self) -> None:
        """Cut everything."""
        self.on.set()
        self._listener.close()
        for one in list(self._sockets):
            _shut(one)

    def silence(self) -> None:
        """Switch it off; returns when nothing is on its way any more."""
        with self._changed:
            self.on.clear()
            self._changed.wait_for(lambda: not self._sending, 1)

    def cut(self) -> None:
        """End all open connections, as a board that loses its power does."""
        for one in list(self._sockets):
            _shut(one)

    def _join(self, near: socket.socket) -> None:
        self._sockets.add(near)
        self.on.wait()
        try:
            far = socket.create_connection(self.target, 5)
            far.settimeout(None)
        except OSError:
            self._drop(near)
            return
        self._sockets.add(far)
        back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        back.start()
        self._pass(near, far)
        back.join()
        self._drop(near, far)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._send(sink, data)
        except OSError:
            pass
        self.on.wait()
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _send(self, sink: socket.socket, data: bytes) -> None:
        while True:
            self.on.wait()
            with self._changed:
                if self.on.is_set():
                    self._sending += 1
                    break
        try:
            sink.sendall(data)
        finally:
            with self._changed:
                self._sending -= 1
                self._changed.notify_all()

    def _drop(self, *sockets: socket.socket) -> None:
        for one in sockets:
            self._sockets.discard(one)
            one.close()


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
