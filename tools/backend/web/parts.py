"""What the page is made of, handed to it by the collector; and its settings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from starlette.requests import Request

from tools.backend.alarms.service import Alarms
from tools.backend.config import is_here
from tools.backend.feed import Feed
from tools.backend.releases import Releases
from tools.backend.web.live import Live
from tools.backend.web.users import Throttle

# (base, node, command, payload, secret, seconds) -> the reply; raises ToolError if there is none
Ask = Callable[[str, str, str, str, str, float], str]


@dataclass(frozen=True)
class Settings:
    """How the page is reached.

    proxy: a reverse proxy on this machine stands before it and speaks TLS
    secrets: commands.secret by node, "*" for all others
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    proxy: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https."""
        return self.proxy or self.certificate is not None

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine reach it."""
        return is_here(self.host)

    def secret(self, node: str) -> str:
        """The secret with which that node's commands are signed; empty if they are not."""
        return self.secrets.get(node, self.secrets.get("*", ""))


@dataclass
class Parts:
    """All that a request may need."""

    database: sa.Engine
    feed: Feed
    alarms: Alarms
    ask: Ask
    settings: Settings = field(default_factory=Settings)
    throttle: Throttle = field(default_factory=Throttle)
    asking: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(8)
    )
    counts: Callable[[], Mapping[str, float]] = dict  # of the collector since its start, by name
    releases: Releases | None = None  # those that it serves
    live: Live = field(init=False)

    def __post_init__(self) -> None:
        self.live = Live(self.feed)


def parts_of(request: Request) -> Parts:
    """The parts of the application that a request is made to."""
    found: Parts = request.app.state.parts
    return found
