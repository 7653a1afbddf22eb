"""One who looks at the page while readings come, and notes how old each is when it is there."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlencode

import sqlalchemy as sa

from tools.backend.database import writing
from tools.backend.web import tables as accounts
from tools.backend.web import users

ANSWER_S = 60.0


def token(engine: sa.Engine) -> str:
    """The token of a viewer who is made for it, in the database of a page elsewhere."""
    with writing(engine) as connection:
        values = {"name": "bench", "role": "viewer", "created": 1, "hash": ""}
        connection.execute(accounts.user.insert().values(values))
        return users.add_token(connection, "bench", "bench", "viewer")


class Watch:
    """Follows sensors as a browser does. ages: of each reading when it was there, in s.

    Also asks for the list of nodes now and then; lists: how long each answer took.
    """

    def __init__(self, port: int, secret: str, sensors: Sequence[str]) -> None:
        self.ages: list[float] = []
        self.lists: list[float] = []
        self._port = port
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._sensors = sensors
        self._stream = self._connection()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._follow), threading.Thread(target=self._ask)]

    def __enter__(self) -> Watch:
        query = urlencode([("sensor", each) for each in self._sensors])
        end = time.monotonic() + ANSWER_S
        while self._stream.sock is None:
            try:
                self._stream.connect()
            except ConnectionRefusedError:  # the collector listens to the broker first
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self._stream.request("GET", f"/api/v1/live?{query}", headers=self._headers)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        with suppress(OSError, AttributeError):
            self._stream.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._stream.close()

    def _follow(self) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):  # it ends by a shutdown
            answer = self._stream.getresponse()
            while line := answer.readline():
                if line.startswith(b"data: "):
                    readings = json.loads(line[6:]).get("readings", {})
                    now = time.time()
                    self.ages += [
                        now - row[0] / 1000 for rows in readings.values() for row in rows
                    ]

    def _ask(self) -> None:
        while not self._stopping.wait(5.0):
            connection = self._connection()
            began = time.monotonic()
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/api/v1/nodes", headers=self._headers)
                if connection.getresponse().read():
                    self.lists.append(time.monotonic() - began)
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
