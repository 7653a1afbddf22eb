"""A collector in this process, its database, and a publisher that waits for acknowledgements."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion

from host_tests.backend.postgres import Postgres
from tools.backend.collect import BROKER_SETTINGS
from tools.backend.collector import Collector
from tools.backend.config import BackendConfig
from tools.backend.database import open_database
from tools.backend.feed import Feed
from tools.play.broker import Broker
from tools.talk.connection import Address


class Publisher:
    """Publishes to a broker with QoS 1."""

    def __init__(self, broker: Broker) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        connected = threading.Event()
        self._client.on_connect = lambda *_: connected.set()
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert connected.wait(60)

    def publish(self, topic: str, payload: Any, retain: bool = False) -> paho.MQTTMessageInfo:
        """Publish; what is neither text nor bytes as JSON."""
        if not isinstance(payload, str | bytes):
            payload = json.dumps(payload)
        return self._client.publish(topic, payload, qos=1, retain=retain)

    def reading(self, seq: int, topic: str = "petrel/a/light", **fields: Any) -> None:
        """Publish a reading of that number, taken now."""
        content = {"value": seq / 2, "unit": "lx", "seq": seq, "boot": 7, "time": int(time.time())}
        self.publish(topic, {**content, **fields})

    def flush(self) -> None:
        """Wait until the broker has acknowledged everything."""
        self.publish("flushed", "").wait_for_publish(60)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


class Running:
    """A collector, its engine, and the feed."""

    def __init__(self, broker: Broker, engine: sa.Engine, /, **sections: Any) -> None:
        self.engine = engine
        self.feed = Feed()
        config = BackendConfig.model_validate(sections)
        self.collector = Collector([Address(broker.host, broker.port)], config, engine, self.feed)

    def __enter__(self) -> Running:
        self.collector.start()
        assert self.collector.connected.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self.collector.stop()

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        return count(self.engine, table)

    def wait_for(self, table: sa.Table, rows: int, timeout: float = 60) -> None:
        """Wait until a table has so many rows."""
        wait_until(lambda: self.count(table) >= rows, timeout, lambda: self._told(table))

    def rows(self, table: sa.Table) -> list[Any]:
        """All rows of a table, in the order of its key: PostgreSQL has none by itself."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(table).order_by(*table.primary_key)))

    def _told(self, table: sa.Table) -> str:
        counts, trouble = self.collector.counts, self.collector.trouble
        return f"{table.name}: {self.count(table)} rows; {counts}; {trouble}"


def count(engine: sa.Engine, table: sa.Table) -> int:
    """How many rows a table has."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def wait_until(true: Callable[[], bool], timeout: float, told: Callable[[], str]) -> None:
    """Look again and again; databases tell nobody that something has come."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, told()
        time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/collector.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A new database, with its tables."""
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def broker(broker_factory: Callable[..., Broker]) -> Broker:
    """Mosquitto with the settings that `collect` gives it: it queues more, and sends more."""
    return broker_factory(settings=BROKER_SETTINGS)


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    """One who publishes to the fixture `broker`."""
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


@pytest.fixture
def run(broker: Broker, engine: sa.Engine) -> Iterator[Callable[..., Running]]:
    """Starts collectors with sections of a config; they end after the test."""
    with ExitStack() as stack:
        yield lambda **sections: stack.enter_context(Running(broker, engine, **sections))


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    """A collector with the defaults."""
    return run()
