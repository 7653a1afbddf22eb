"""A cluster of three brokers, of which each is killed once; and a collector of two is killed.

Real nodes with a list of the brokers, three real brokers, two `petrel collect` with sessions of
their own, one PostgreSQL. Each reading has to be there once in the end, and none may be missing:
the numbers of a node's readings have no gap.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from host_tests.backend.postgres import Postgres
from tools.backend import real
from tools.backend import tables as t
from tools.backend.database import open_database
from tools.lab.brokers.base import PASSWORD, USER
from tools.lab.brokers.cluster import Cluster, NatsCluster, RabbitCluster
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.shared.process import popen
from tools.talk.connection import address

NODES = 3
INTERVAL_S = 0.5  # a node's queue of 200 lasts for 50 s
MORE = 6  # readings of each node, by which it shows that it goes on
WAIT_S = 240.0


@pytest.fixture(params=[NatsCluster, RabbitCluster], ids=["nats", "rabbitmq"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Three brokers that are one."""
    cluster: Cluster = request.param()
    try:
        cluster.install()
    except ToolError as error:
        pytest.skip(f"{cluster.title} cannot be had: {error.message}")
    with cluster:
        yield cluster


class Collector:
    """A `petrel collect` with a session of its own; its brokers begin with another one."""

    def __init__(self, folder: Path, number: int, hosts: list[str], url: str) -> None:
        self.log = folder / f"collector{number}.log"
        self._config = folder / f"collector{number}.toml"
        self._config.write_text(
            f"""
            broker.host = {hosts[number:] + hosts[:number]}
            broker.user = "{USER}"
            broker.client_id = "petrel-collector-{number}"
            database.url = "{url}"
            web.on = false
            alarms.on = {str(number == 0).lower()}
            """
        )
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; it appends to its log."""
        with self.log.open("a") as log:
            self.process = popen(
                [sys.executable, "-m", "tools", "collect", "--config", str(self._config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def said(self, words: str) -> bool:
        """True if its log has these words."""
        return words in self.log.read_text()

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.mark.timeout(1200)
def test_each_broker_and_a_collector_killed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETREL_PASSWORD", PASSWORD)
    with ExitStack() as stack:
        server = stack.enter_context(Postgres())
        url = server.new_database()
        engine = open_database(url)
        stack.callback(engine.dispose)
        collectors = [Collector(tmp_path, number, cluster.hosts, url) for number in range(2)]
        for collector in collectors:
            stack.callback(collector.kill)
            collector.start()
        for collector in collectors:  # from here on its session keeps what it doesn't get
            wait_until(partial(collector.said, "connected to"), tmp_path)
        brokers = [address(host, user=USER) for host in cluster.hosts]
        stack.enter_context(real.running(NODES, brokers, "petrel", INTERVAL_S))
        wait_for_more(engine, tmp_path, MORE)
        for number, broker in enumerate(cluster.members):
            broker.kill()
            wait_for_more(engine, tmp_path, MORE)
            if number < len(collectors):
                collectors[number].kill()
            broker.start()
            wait_until(partial(cluster.is_whole, broker), tmp_path)
            wait_for_more(engine, tmp_path, MORE)
            if number < len(collectors):
                collectors[number].start()
        wait_for_more(engine, tmp_path, MORE)
        stored = numbers(engine)
    assert len(stored) == NODES
    for node, found in stored.items():
        assert sorted(found) == list(range(1, max(found) + 1)), node
    for collector in collectors:
        assert collector.said("the connection to"), "it never had to move"


def numbers(engine: sa.Engine) -> dict[str, list[int]]:
    """The numbers of the readings of each node, as stored; a node starts only once."""
    joined = t.reading.join(t.sensor, t.sensor.c.id == t.reading.c.sensor).join(t.node)
    found: dict[str, list[int]] = defaultdict(list)
    with engine.connect() as connection:
        for name, seq in connection.execute(
            sa.select(t.node.c.name, t.reading.c.seq).select_from(joined)
        ):
            found[name].append(seq)
    return found


def wait_for_more(engine: sa.Engine, folder: Path, readings: int) -> None:
    """Wait until every node has that many readings more in the database than any has now."""
    goal = max((len(found) for found in numbers(engine).values()), default=0) + readings

    def reached() -> bool:
        now = numbers(engine)
        return len(now) == NODES and all(len(found) >= goal for found in now.values())

    wait_until(reached, folder)


def wait_until(true: Callable[[], bool], folder: Path) -> None:
    """Look again and again; tells what the collectors said if it doesn't come true."""
    end = time.monotonic() + WAIT_S
    while not true():
        said = [log.read_text()[-2000:] for log in folder.glob("collector*.log")]
        assert time.monotonic() < end, "\n\n".join(said)
        time.sleep(0.5)  # more often would take from the brokers what they need to come back
