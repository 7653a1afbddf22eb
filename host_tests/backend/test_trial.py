"""Whatever is killed, each reading that a node had is stored once: the short form of
`make soak-backend`."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import Publisher, Running, wait_until
from host_tests.backend.postgres import Postgres
from host_tests.backend.trial import COLLECTOR, Trial
from tools.backend import tables as t

KILLS = 5


@pytest.mark.timeout(600)
def test_collector_killed_at_any_moment(url: str, tmp_path: Path) -> None:
    moments = random.Random(7)
    with Trial(tmp_path, url) as trial:
        for _ in range(KILLS):
            trial.wait_for_more(100)
            time.sleep(moments.random())  # no event: it may be killed at any moment
            trial.kill_collector()
            trial.start_collector()
        trial.wait_for_more(100)
        accounts = trial.settle()
        assert accounts.good and accounts.accepted > KILLS * 100, accounts


@pytest.mark.timeout(600)
def test_two_collectors_of_which_each_is_killed_once(tmp_path: Path) -> None:
    with Postgres() as server, Trial(tmp_path, server.new_database()) as trial:
        trial.start_collector("the-other")
        subscribed = trial.broker.logs("the-other 1 petrel/#", 60)
        assert subscribed, trial.log
        for name in (COLLECTOR, "the-other"):
            trial.wait_for_more(100)
            trial.kill_collector(name)
            trial.wait_for_more(300)  # by the one that is left
            trial.start_collector(name)
        trial.wait_for_more(100)
        accounts = trial.settle()
        assert accounts.good, accounts


@pytest.mark.timeout(600)
def test_broker_killed(tmp_path: Path) -> None:
    with Trial(tmp_path, f"sqlite:///{tmp_path}/x.db") as trial:
        for _ in range(2):
            trial.wait_for_more(200)
            trial.kill_broker()
        trial.wait_for_more(200)
        accounts = trial.settle()
        assert accounts.good, accounts


@pytest.mark.timeout(600)
def test_database_gone_and_back(tmp_path: Path) -> None:
    with Postgres() as server, Trial(tmp_path, server.new_database()) as trial:
        trial.wait_for_more(300)
        server.kill()
        trial.wait(lambda: "can't store" in trial.log, "the collector doesn't notice")
        trial.wait_for_nodes(500)
        server.start()
        trial.wait(lambda: "storing works again" in trial.log, "it doesn't come back")
        trial.wait_for_more(300)
        accounts = trial.settle()
        assert accounts.good, accounts


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_full_disk_keeps_everything_at_the_broker(
    engine: sa.Engine, running: Running, publisher: Publisher
) -> None:
    """SQLite may take no more pages, which it reports as it does a full disk."""
    pages = {"most": 0}

    @sa.event.listens_for(engine, "begin")
    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most'] or 1_000_000}")

    publisher.reading(1)
    running.wait_for(t.reading, 1)
    pages["most"] = 1  # no more than there are
    for seq in range(2, 2000):
        publisher.reading(seq, "petrel/a/text", value="x" * 200, unit="")
    publisher.flush()
    collector = running.collector
    wait_until(lambda: "full" in collector.trouble, 30, lambda: str(collector.counts))
    pages["most"] = 0
    running.wait_for(t.reading, 1999)
    assert collector.counts.copies == 0
    assert not running.rows(t.unreadable)
