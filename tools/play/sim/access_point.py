"""The board's own access point, as who joins it meets it: on ports of this computer.

The board's page and its name server listen at 192.168.4.1 there. Here they are on loopback, on
ports that others are unlikely to be given.
"""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
HTTP, DNS = 80, 53
FREE = range(12_000, 32_000)  # below those that a system gives away by itself


class AccessPoint:
    """`name` and `password` of it, None while it is closed; `ports`: here, by those of the board.

    on_change: called when it opens or closes, and for each port
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.password = ""
        self.on_change: Callable[[], None] = lambda: None
        self.ports: dict[int, int] = {}  # port of the board -> port here
        self._changed = threading.Condition()

    def tell(self, name: str | None, password: str = "") -> None:
        """The board opens or closes it."""
        with self._changed:
            if (name, password) == (self.name, self.password):
                return
            self.name, self.password = name, password
            if name is None:
                self.ports.clear()
            self._changed.notify_all()
        self.on_change()

    def port(self, port: int) -> int:
        """The board is about to listen there; returns where it does so here."""
        with self._changed:
            self.ports[port] = _free()
            self._changed.notify_all()
        self.on_change()
        return self.ports[port]

    def wait(self, port: int = HTTP, timeout: float = 60) -> tuple[str, int]:
        """Wait until the board listens; returns where. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: port in self.ports, timeout):
                raise TimeoutError(f"no access point within {timeout:g} s")
            return LOOPBACK, self.ports[port]

    def wait_closed(self, timeout: float = 60) -> None:
        """Wait until it is closed."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.name is None, timeout):
                raise TimeoutError(f"the access point is still open after {timeout:g} s")


def _free() -> int:
    while True:
        port = random.choice(FREE)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as tried:
                    tried.bind((LOOPBACK, port))
        except OSError:
            continue
        return port
