"""With TimescaleDB the readings are a hypertable, made and kept as PostgreSQL's partitions are.

All other tests of the back end run with it too: tools/lab/timescale.py names them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import count
from host_tests.backend.postgres import Postgres
from tools.backend import jobs
from tools.backend import tables as t
from tools.backend.config import RetentionSection
from tools.backend.database import open_database
from tools.backend.messages import Reading
from tools.backend.queries import now_ms
from tools.backend.store import Store

DAYS, KEPT = 200, 100


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    """A new database with TimescaleDB."""
    with Postgres() as server:
        engine = open_database(server.new_database())
        yield engine
        engine.dispose()


def test_readings_are_in_chunks_that_go_when_they_are_old(engine: sa.Engine) -> None:
    now = now_ms()
    begin = now - DAYS * t.DAY_MS
    about = (t.BY_NODE, 21.5, None, "C", "number", now)
    Store(engine).write(
        [
            Reading("petrel", "a", "air", 1, day, begin + day * t.DAY_MS, *about)
            for day in range(DAYS)
        ]
    )
    chunks = _chunks(engine)
    assert chunks > DAYS / 7
    jobs.run(engine, RetentionSection(readings_days=KEPT), now)
    assert 0 < _chunks(engine) < chunks
    assert count(engine, t.reading) == KEPT
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM taken").scalar() == KEPT
        days = sa.select(sa.func.count()).where(t.rollup.c.size == t.DAY_MS)
        assert connection.scalar(days) == DAYS


def _chunks(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        query = "SELECT count(*) FROM timescaledb_information.chunks"
        return connection.exec_driver_sql(query).scalar() or 0
