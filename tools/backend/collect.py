"""`collect`: the back end in one process: broker if there is none, collector, jobs and page."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from tools.backend.alarms import rules
from tools.backend.alarms.sending import by_apprise
from tools.backend.alarms.service import Alarms
from tools.backend.collector import Collector
from tools.backend.config import BackendConfig, BrokerSection, is_here, load
from tools.backend.database import checked_url, open_database, shown
from tools.backend.feed import Feed
from tools.backend.jobs import Jobs
from tools.play.beside import announced
from tools.play.broker import Broker
from tools.talk.connection import Address, address

log = logging.getLogger(__name__)
BROKER_FOLDER = Path("collector-broker")
# Mosquitto sends 20 messages and waits for their acknowledgements, unless told otherwise: each
# round takes a transaction. More in flight are many times as fast.
BROKER_SETTINGS = (
    "max_inflight_messages 1000",
    "max_queued_messages 1000000",
    "autosave_interval 30",
)
ANSWER_S = 3.0
TELL_S = 60.0


@dataclass(frozen=True)
class Backend:
    """All parts, for the page and the alarms."""

    config: BackendConfig
    engine: sa.Engine
    feed: Feed
    collector: Collector


@click.command()
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="the config; without it collector.toml of this folder, if there is one",
)
@click.option("--host", help="the broker: NAME or NAME:PORT; instead of broker.host")
@click.option("--database", help="its URL; instead of database.url")
@click.option("--lan", is_flag=True, help="let boards in your network connect to its own broker")
@click.option("--check", is_flag=True, help="check the config and the alarms, print it, and end")
def command(
    path: Path | None, host: str | None, database: str | None, lan: bool, check: bool
) -> None:
    """Store what nodes publish until Ctrl-C, and show it on a page.

    Without a config it starts a broker on this computer if none answers, and stores into
    collector.db in this folder. The broker's password comes from PETREL_PASSWORD.
    """
    config = _with_options(load(path), host, database, lan)
    if check:
        checked_url(config.database.url)
        broker_addresses(config.broker)
        if config.alarms.file.exists():
            rules.read(config.alarms.file)
        click.echo(config.model_dump_json(indent=2))
        return
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, datefmt="%H:%M:%S")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    stop = threading.Event()
    with _ended_by_signals(stop), running(config) as backend:
        _tell(backend, stop)


@contextlib.contextmanager
def running(config: BackendConfig) -> Iterator[Backend]:
    """All parts, started in order and ended in the opposite one."""
    with ExitStack() as stack:
        engine = open_database(config.database.url)
        stack.callback(engine.dispose)
        log.info("readings go to %s", shown(config.database.url))
        brokers = broker_addresses(config.broker)
        broker = brokers[0]
        alone = config.broker.start and len(brokers) == 1
        if alone and is_here(broker.host) and not _answers(broker):
            own = stack.enter_context(_own_broker(broker, config.broker.lan))
            stack.enter_context(announced("127.0.0.1", own.port))
            log.info("started a broker at %s:%s", own.host, own.port)
        feed = Feed()
        collector = stack.enter_context(Collector(brokers, config, engine, feed))
        stack.enter_context(Jobs(engine, config.retention))
        backend = Backend(config, engine, feed, collector)
        alarms = stack.enter_context(alarms_of(backend))
        if config.web.on:
            from tools.backend.page import served  # takes as long to import as all the rest

            stack.enter_context(served(config.web, engine, collector, alarms))
        yield backend


def alarms_of(backend: Backend) -> Alarms:
    """The alarms; without [alarms] on they show what there is, and judge nothing."""
    section = backend.config.alarms
    return Alarms(backend.engine, backend.feed, section.file, by_apprise, on=section.on)


def broker_addresses(section: BrokerSection) -> list[Address]:
    """Where the brokers are, with what TLS needs. Raises ToolError."""
    tls = True if section.tls else None
    user = section.user or None
    return [
        address(host, tls, section.ca, section.cert, section.key, user=user)
        for host in section.hosts
    ]


def _with_options(
    config: BackendConfig, host: str | None, database: str | None, lan: bool
) -> BackendConfig:
    broker: dict[str, Any] = {"host": host} if host else {}
    if lan:
        broker["lan"] = True
    sections = {
        "broker": config.broker.model_copy(update=broker),
        "database": config.database.model_copy(update={"url": database} if database else {}),
    }
    return config.model_copy(update=sections)


@contextlib.contextmanager
def _own_broker(broker: Address, lan: bool) -> Iterator[Broker]:
    """A broker that keeps sessions over restarts, beside the database."""
    own = Broker(persistence=True, settings=BROKER_SETTINGS, folder=BROKER_FOLDER)
    own.port = broker.port
    if lan:
        own.host = "0.0.0.0"
        log.warning("anybody in your network can connect to the broker")
    with own:
        yield own
        own.stop()  # it writes down what it holds


def _answers(broker: Address) -> bool:
    try:
        socket.create_connection((broker.host, broker.port), ANSWER_S).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Have SIGTERM and Ctrl-C set an event; a second Ctrl-C ends at once."""

    def heard(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    was = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in was.items():
            signal.signal(number, handler)


def _tell(backend: Backend, stop: threading.Event) -> None:
    """Say now and then how it goes, until the end."""
    told = -1
    while not stop.wait(TELL_S):
        counts = backend.collector.counts
        if counts.received != told:
            told = counts.received
            waiting = len(backend.collector.inbox)
            log.info(
                "%s readings stored, %s copies dropped, %s messages unreadable; %s wait",
                f"{counts.stored:,}", f"{counts.copies:,}", f"{counts.unreadable:,}", waiting,
            )  # fmt: skip
    log.info("ending: storing what has come")
