"""What a phone does at a board's access point: asks for pages and for names."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from typing import Any
from urllib.parse import urlencode

from tools.play.sim.access_point import DNS, HTTP, AccessPoint

A, AAAA, HTTPS = 1, 28, 65  # types of queries


class Phone:
    """A phone that has joined the access point."""

    def __init__(self, web: tuple[str, int], names: tuple[str, int]) -> None:
        self.web = web
        self.names = names

    @classmethod
    def joins(cls, access_point: AccessPoint) -> Phone:
        """Join it, once it is open."""
        web, names = access_point.wait(HTTP), access_point.wait(DNS)
        phone = cls(web, names)
        phone.connect(60).close()
        return phone

    def connect(self, timeout: float = 60) -> socket.socket:
        """A connection to the page; waits until the board listens."""
        end = time.monotonic() + timeout
        while True:
            try:
                return socket.create_connection(self.web, 60)
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request; returns status, headers and content of the answer."""
        connection = http.client.HTTPConnection(*self.web, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """What is at that path, from JSON."""
        return json.loads(self.ask("GET", path)[2])

    def join(self, **form: str) -> str:
        """Send the form; returns what is wrong with it."""
        return str(json.loads(self.ask("POST", "/join", urlencode(form))[2])["error"])

    def outcome(self, timeout: float = 60) -> tuple[str, str]:
        """Wait until the attempt is over; returns the state and the error."""
        end = time.monotonic() + timeout
        while (now := self.get("/state"))["state"] == "joining" and time.monotonic() < end:
            time.sleep(0.1)
        return now["state"], now["error"]

    def look_up(self, name: str, kind: int = A, timeout: float = 60) -> list[bytes]:
        """The addresses of a name. Raises TimeoutError if nobody answers."""
        query = struct.pack(">6H", 0x1234, 0x0100, 1, 0, 0, 0)
        for part in name.split("."):
            query += bytes((len(part),)) + part.encode()
        query += b"\0" + struct.pack(">2H", kind, 1)
        answer = self.send(query, timeout)
        number, flags, questions, answers = struct.unpack_from(">4H", answer)
        assert (number, flags & 0x800F, questions) == (0x1234, 0x8000, 1), answer
        rest = answer[len(query) :]
        assert answer[12 : len(query)] == query[12:]
        assert len(rest) == 16 * answers
        return [rest[at + 12 : at + 16] for at in range(0, len(rest), 16)]

    def send(self, query: bytes, timeout: float = 60) -> bytes:
        """Send bytes to the name server; returns its answer. Raises TimeoutError."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sent:
            sent.settimeout(timeout)
            sent.sendto(query, self.names)
            return sent.recv(512)
