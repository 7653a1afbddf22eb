"""A page over a database in this process, for tests: with users, and what nodes have published."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from tools.backend.alarms.service import Alarms
from tools.backend.database import writing
from tools.backend.feed import Feed
from tools.backend.messages import Item, parse
from tools.backend.store import Store
from tools.backend.web import tables as t
from tools.backend.web import users
from tools.backend.web.app import make_app
from tools.backend.web.parts import Parts, Settings
from tools.backend.web.users import Throttle
from tools.shared.errors import ToolError

PASSWORD = "three words suffice"
URL = "http://127.0.0.1:8080"


@cache
def _hash() -> str:
    """The hash of PASSWORD, made once: it takes its time."""
    return users.hashed(PASSWORD, "eve")


class Page:
    """The application, its database, and clients of each role.

    sent: the commands that were sent; replies: what nodes answer, by the command's name
    notices: what was sent to those who are to be told
    """

    def __init__(self, engine: sa.Engine, folder: Path, settings: Settings | None = None) -> None:
        self.engine = engine
        self.rules = folder / "alarms.toml"
        self.sent: list[tuple[str, str, str, str]] = []
        self.replies: dict[str, str] = {}
        self.notices: list[tuple[str, str, str]] = []
        self.now = time.time()
        self.feed = Feed()
        self._store = Store(engine)
        with writing(engine) as connection:
            for role in users.ROLES:
                values = {"name": role, "role": role, "created": 1, "hash": _hash()}
                connection.execute(t.user.insert().values(values))
        self.alarms = Alarms(engine, self.feed, self.rules, self._send, lambda: self.now)
        self.throttle_now = 0.0
        self.parts = Parts(
            engine,
            self.feed,
            self.alarms,
            self._ask,
            settings or Settings(),
            Throttle(lambda: self.throttle_now),
        )
        self.app = make_app(self.parts)

    def item(self, topic: str, payload: Any) -> Item:
        """What the collector makes of a message; what is neither text nor bytes is JSON."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        if isinstance(payload, str):
            raw = payload.encode()
        return parse(topic, raw, int(self.now * 1000), "petrel")

    def store(self, items: Sequence[Item]) -> None:
        """Store messages as the collector does, and tell of them."""
        written = self._store.write(items)
        self.alarms.take(written.events)
        self.feed.publish(written.events)

    def publish(self, topic: str, payload: Any) -> None:
        """Store one message."""
        self.store([self.item(topic, payload)])

    def reading(self, value: Any, topic: str = "petrel/shed/air", **fields: Any) -> None:
        """Store a reading taken now."""
        content = {"value": value, "unit": "C", "seq": time.monotonic_ns(), "boot": 1}
        self.publish(topic, {**content, "time": self.now, **fields})

    @contextmanager
    def client(self, role: str | None = None, **options: Any) -> Iterator[TestClient]:
        """A browser: of a user who has logged in, or of nobody."""
        options = {"base_url": URL, "follow_redirects": False, **options}
        with TestClient(self.app, **options) as client:
            if role is not None:
                answer = client.post("/login", data={"name": role, "password": PASSWORD})
                assert answer.status_code == 303, answer.text
                client.headers["X-CSRF-Token"] = self.csrf(client)
            yield client

    def csrf(self, client: TestClient) -> str:
        """The CSRF token of a client's session, from its page."""
        text = client.get("/").text
        return text.split('name="csrf" content="')[1].split('"')[0]

    def token(self, role: str) -> dict[str, str]:
        """The header of a program that has a token of that role."""
        with writing(self.engine) as connection:
            made = users.add_token(connection, "admin", f"test {role}", role)
        return {"Authorization": f"Bearer {made}"}

    def later(self, seconds: float) -> None:
        """Time passes for the alarms."""
        self.now += seconds
        self.alarms.tick()

    def send(self) -> list[tuple[str, str, str]]:
        """Send what is due; returns what was sent."""
        before = len(self.notices)
        self.alarms.notices.send_due()
        return self.notices[before:]

    def _send(self, url: str, title: str, body: str, kind: str) -> str:
        self.notices.append((url, title, body))
        return ""

    def _ask(self, base: str, node: str, name: str, payload: str, secret: str, wait: float) -> str:
        self.sent.append((node, name, payload, secret))
        if name not in self.replies:
            raise ToolError(f"no reply from {base}/{node} within {wait:g} s", "Is it online?")
        return self.replies[name]
