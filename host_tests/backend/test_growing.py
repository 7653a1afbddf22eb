"""Two collectors with one database: what docs/growing.md says."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import Publisher, Running, wait_until
from tools.backend import jobs
from tools.backend import tables as t
from tools.backend.config import RetentionSection
from tools.backend.messages import Reading
from tools.backend.queries import now_ms
from tools.backend.store import Store
from tools.play.broker import Broker
from tools.shared.paths import ROOT


def test_two_collectors_store_each_reading_once_and_either_may_go(
    broker: Broker, engine: sa.Engine, publisher: Publisher
) -> None:
    first = Running(broker, engine, broker={"client_id": "one"})
    second = Running(broker, engine, broker={"client_id": "two"})
    with first:
        with second:
            for seq in range(1, 501):
                publisher.reading(seq, f"petrel/n{seq % 7}/light")
            publisher.flush()
            both = (first.collector.counts, second.collector.counts)
            wait_until(lambda: all(c.acknowledged >= 500 for c in both), 60, lambda: str(both))
        for seq in range(501, 601):
            publisher.reading(seq, f"petrel/n{seq % 7}/light")
        first.wait_for(t.reading, 600)
    with Running(broker, engine, broker={"client_id": "two"}) as back:
        publisher.reading(601)
        first.wait_for(t.reading, 601)
        counts = back.collector.counts
        wait_until(lambda: counts.acknowledged >= 101, 60, lambda: str(counts))
        assert counts.copies >= 100, "what came while it was away, stored by the other"
    rows = first.rows(t.reading)
    assert sorted(row.seq for row in rows) == list(range(1, 602))
    assert sum(c.stored for c in (*both, counts)) == 601


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_jobs_are_done_by_one_at_a_time(engine: sa.Engine) -> None:
    with jobs._alone(engine) as first, jobs._alone(engine) as second:
        assert (first, second) == (True, False)
    with jobs._alone(engine) as later:
        assert later
    jobs.run(engine, RetentionSection(), now_ms())


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_queries_of_the_page_give_readings_and_roll_ups(engine: sa.Engine) -> None:
    at = now_ms() - 3 * t.HOUR_MS
    item = Reading("petrel", "greenhouse", "air/temperature", 1, 1, at, t.BY_NODE, 21.5, None,
                   "C", "number", at)  # fmt: skip
    Store(engine).write([item])
    jobs.run(engine, RetentionSection(), now_ms())
    page = (ROOT / "docs" / "growing.md").read_text()
    view, rollups, _ = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with engine.connect() as connection:
        ((time, value),) = connection.exec_driver_sql(view).all()
        assert (round(time.timestamp() * 1000), value) == (at, 21.5)
        ((_, low, mean, high),) = connection.exec_driver_sql(rollups).all()
        assert (low, mean, high) == (21.5, 21.5, 21.5)
