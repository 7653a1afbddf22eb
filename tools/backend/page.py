"""The page beside the collector. It has a module of its own: where the page is off, nothing of it
is imported."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import sqlalchemy as sa

from tools.backend.alarms.service import Alarms
from tools.backend.collector import Collector
from tools.backend.config import WebSection
from tools.backend.database import writing
from tools.backend.web import users
from tools.backend.web.commands import Commands
from tools.backend.web.parts import Parts, Settings
from tools.backend.web.serve import Server

log = logging.getLogger(__name__)


@contextlib.contextmanager
def served(
    web: WebSection, engine: sa.Engine, collector: Collector, alarms: Alarms
) -> Iterator[Server]:
    """The page, which sends commands over the collector's connection."""
    secrets = {node: secret.get_secret_value() for node, secret in web.secrets.items()}
    settings = Settings(web.host, web.port, web.cert, web.key, web.proxy, secrets)
    ask = Commands(collector.publish, collector.feed).ask
    parts = Parts(
        engine, collector.feed, alarms, ask, settings,
        counts=collector.figures, releases=collector.releases,
    )  # fmt: skip
    with Server(parts) as server:
        with writing(engine) as connection:
            password = users.first(connection)
        log.info("the page is at %s", server.url)
        if password:
            log.info("log in as admin with the password %s, and change it there", password)
        if not (settings.loopback or settings.secure):
            log.warning("the page has no TLS: who listens in your network can read passwords")
        yield server
