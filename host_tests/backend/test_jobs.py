"""Roll-ups and retention: the sums are right whatever comes late, and nothing is counted twice."""

from __future__ import annotations

import random
import sys
from threading import Event

import pytest
import sqlalchemy as sa

from host_tests.backend.conftest import count
from tools.backend import jobs, queries
from tools.backend import tables as t
from tools.backend.config import RetentionSection
from tools.backend.messages import Reading
from tools.backend.queries import now_ms
from tools.backend.rows import rows_of
from tools.backend.store import Store
from tools.backend.tables import DAY_MS, HOUR_MS

KEEP = RetentionSection()
TODAY = now_ms() - now_ms() % DAY_MS


def reading(seq: int, time: int, value: float | None = None, sensor: str = "air") -> Reading:
    value = float(seq) if value is None else value
    return Reading(
        "petrel", "a", sensor, 1, seq, time, t.BY_NODE, value, None, "C", "number", time
    )


def rollups(engine: sa.Engine, size: int) -> dict[int, tuple[float, float, float, int]]:
    u = t.rollup.c
    query = sa.select(u.start, u.minimum, u.maximum, u.mean, u.count).where(u.size == size)
    with engine.connect() as connection:
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in connection.execute(query)}


def run(engine: sa.Engine, now: int, retention: RetentionSection = KEEP) -> None:
    jobs.run(engine, retention, now)


def test_hours_and_days_have_minimum_maximum_mean_and_count(engine: sa.Engine) -> None:
    start = TODAY - 2 * DAY_MS
    Store(engine).write([reading(n, start + n * 600_000) for n in range(144)])
    run(engine, start + DAY_MS + HOUR_MS)
    hours, days = rollups(engine, HOUR_MS), rollups(engine, DAY_MS)
    assert len(hours) == 24
    assert hours[start + HOUR_MS] == (6, 11, 8.5, 6)
    assert days == {start: (0, 143, 71.5, 144)}


def test_an_hour_is_rolled_up_when_it_has_ended(engine: sa.Engine) -> None:
    start = TODAY - DAY_MS
    Store(engine).write([reading(1, start + 1), reading(2, start + HOUR_MS + 1)])
    run(engine, start + HOUR_MS + jobs.GRACE_MS - 1)
    assert rollups(engine, HOUR_MS) == {}
    run(engine, start + HOUR_MS + jobs.GRACE_MS)
    assert rollups(engine, HOUR_MS) == {start: (1, 1, 1, 1)}
    run(engine, start + 2 * HOUR_MS + jobs.GRACE_MS)
    assert list(rollups(engine, HOUR_MS)) == [start, start + HOUR_MS]


def test_a_late_reading_finds_its_hour_and_its_day(engine: sa.Engine) -> None:
    start, store = TODAY - 3 * DAY_MS, Store(engine)
    store.write([reading(1, start + 1, 10)])
    run(engine, TODAY)
    store.write([reading(2, start + 2, 20), reading(3, start + 5 * HOUR_MS, 90)])
    run(engine, TODAY)
    assert rollups(engine, HOUR_MS) == {
        start: (10, 20, 15, 2), start + 5 * HOUR_MS: (90, 90, 90, 1),
    }  # fmt: skip
    assert rollups(engine, DAY_MS) == {start: (10, 90, 40, 3)}
    assert count(engine, t.late) == 0


def test_a_reading_older_than_all_others_is_late_as_well(engine: sa.Engine) -> None:
    store = Store(engine)
    store.write([reading(1, TODAY - DAY_MS, 1)])
    run(engine, TODAY + HOUR_MS)
    store.write([reading(2, TODAY - 400 * DAY_MS, 2)])
    run(engine, TODAY + HOUR_MS)
    assert rollups(engine, DAY_MS) == {
        TODAY - DAY_MS: (1, 1, 1, 1), TODAY - 400 * DAY_MS: (2, 2, 2, 1),
    }  # fmt: skip


@pytest.mark.parametrize("value", [sys.float_info.max, -1e308, 5e-324, -5e-324, 0, 21.3])
def test_extreme_values_neither_overflow_nor_lose_digits(engine: sa.Engine, value: float) -> None:
    start = TODAY - DAY_MS
    Store(engine).write([reading(n, start + n, value) for n in range(30)])
    run(engine, TODAY + HOUR_MS)
    for size in (HOUR_MS, DAY_MS):
        low, high, mean, number = rollups(engine, size)[start]
        assert (low, high, number) == (value, value, 30)
        assert mean == pytest.approx(value, rel=1e-12, abs=1e-300)


def test_texts_are_not_rolled_up(engine: sa.Engine) -> None:
    text = reading(1, TODAY - DAY_MS)
    text.value, text.text, text.kind = None, "warm", "text"
    Store(engine).write([text])
    run(engine, TODAY)
    assert rollups(engine, HOUR_MS) == {}


def test_old_readings_go_and_their_roll_ups_stay(engine: sa.Engine) -> None:
    """Whole months go with PostgreSQL's partitions, whole days with SQLite."""
    store = Store(engine)
    store.write([reading(n, TODAY - n * DAY_MS) for n in range(200)])
    run(engine, TODAY + HOUR_MS, RetentionSection(readings_days=60))
    left = count(engine, t.reading)
    assert 60 <= left <= (61 if engine.dialect.name == "sqlite" else 92)
    assert len(rollups(engine, DAY_MS)) == 199
    run(engine, TODAY + HOUR_MS, RetentionSection(readings_days=60, daily_days=100))
    assert len(rollups(engine, DAY_MS)) == 99
    assert len(rollups(engine, HOUR_MS)) == 199


def test_a_reading_for_an_hour_whose_readings_are_gone_is_added_to_its_roll_up(
    engine: sa.Engine,
) -> None:
    start, store = TODAY - 200 * DAY_MS, Store(engine)
    month = RetentionSection(readings_days=30)
    store.write([reading(1, start + 1, 10), reading(2, start + 2, 20), reading(3, TODAY, 1)])
    run(engine, TODAY + HOUR_MS, month)
    assert count(engine, t.reading) == 1
    store.write([reading(4, start + 3, 60)])
    run(engine, TODAY + HOUR_MS, month)
    run(engine, TODAY + HOUR_MS, month)
    assert rollups(engine, HOUR_MS)[start] == (10, 60, 30, 3)
    assert rollups(engine, DAY_MS)[start] == (10, 60, 30, 3)
    assert count(engine, t.reading) == 1


def test_readings_do_not_go_before_late_ones_are_rolled_up(engine: sa.Engine) -> None:
    """Retention alone: the job that rolls up was stopped in between."""
    start, store = TODAY - 100 * DAY_MS, Store(engine)
    store.write([reading(1, start, 10)])
    job = jobs._Job(engine, rows_of(engine), TODAY + HOUR_MS, Event())
    job.roll_up()
    store.write([reading(2, start + 1, 20)])
    job.remove(RetentionSection(readings_days=30))
    assert count(engine, t.reading) == 2
    job.roll_up_late()
    job.remove(RetentionSection(readings_days=30))
    assert count(engine, t.reading) == 0
    assert rollups(engine, HOUR_MS)[start] == (10, 20, 15, 2)


def test_whatever_the_order_the_roll_ups_are_those_of_all_readings(engine: sa.Engine) -> None:
    generator, store = random.Random(3), Store(engine)
    start = TODAY - 5 * DAY_MS
    everything = [reading(n, start + n * 1_700_000, sensor=f"s{n % 3}") for n in range(250)]
    shuffled = generator.sample(everything, len(everything))
    for index in range(0, len(shuffled), 25):
        store.write(shuffled[index : index + 25])
        run(engine, start + (index + 25) * 2_000_000)
    run(engine, TODAY + HOUR_MS)
    expected: dict[tuple[str, int], list[float]] = {}
    for each in everything:
        expected.setdefault((each.sensor, each.time // HOUR_MS), []).append(each.value or 0)
    with engine.connect() as connection:
        for name in ("s0", "s1", "s2"):
            sensor = queries.sensor(connection, "a", name)
            assert sensor
            found = queries.rolled(connection, sensor["id"], start, TODAY, HOUR_MS)
            assert dict(
                zip(found.time, zip(found.low, found.count, strict=True), strict=True)
            ) == {
                hour * HOUR_MS: (min(values), len(values))
                for (of, hour), values in expected.items()
                if of == name
            }


def test_a_plot_ends_now_though_the_last_hour_is_not_rolled_up(engine: sa.Engine) -> None:
    start, store = TODAY - 3 * DAY_MS, Store(engine)
    store.write([reading(n, start + n * 60_000) for n in range(3 * 24 * 60)])
    run(engine, start + 2 * DAY_MS + 5 * HOUR_MS)
    with engine.connect() as connection:
        found = queries.sensor(connection, "a", "air")
        assert found
        few = queries.series(connection, found["id"], start, start + HOUR_MS)
        assert (few.size, len(few.time)) == (0, 60)
        hours = queries.series(connection, found["id"], start, TODAY, points=1000)
        assert (hours.size, len(hours.time), sum(hours.count)) == (HOUR_MS, 72, 4320)
        days = queries.series(connection, found["id"], start, TODAY, points=50)
        assert (days.size, days.count) == (DAY_MS, [1440, 1440, 1440])


def test_history_and_unreadable_messages_are_kept_as_long_as_the_config_says(
    engine: sa.Engine,
) -> None:
    old, new = TODAY - 50 * DAY_MS, TODAY
    with engine.begin() as connection:
        row = {"at": 0, "topic": "x", "payload": b"", "size": 0, "reason": "y"}
        connection.execute(sa.insert(t.unreadable), [{**row, "at": n} for n in range(20)])
        row = {"level": "info", "text": "x"}
        connection.execute(sa.insert(t.log), [{**row, "at": at} for at in (old, new)])
    run(engine, TODAY + HOUR_MS, RetentionSection(history_days=30, unreadable=5))
    assert (count(engine, t.log), count(engine, t.unreadable)) == (1, 5)
    with engine.connect() as connection:
        assert [row["at"] for row in queries.unreadable(connection)] == [19, 18, 17, 16, 15]


def test_the_jobs_ask_no_more_however_many_sensors_there_are(engine: sa.Engine) -> None:
    """They do so each minute, and meanwhile the collector has to wait."""
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    store, now, yesterday = Store(engine), now_ms(), TODAY - DAY_MS
    keep = RetentionSection(readings_days=1)
    counts = []
    for sensors in (1, 40):
        store.write([reading(1, yesterday, sensor=f"s{number}") for number in range(sensors)])
        run(engine, now, keep)  # the first time there is something to do
        asked.clear()
        run(engine, now, keep)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_young_database_is_asked_for_its_oldest_reading_once(engine: sa.Engine) -> None:
    """Until its first hour has ended there is nothing that the job could go on from."""
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    start = TODAY - DAY_MS
    Store(engine).write([reading(1, start, sensor=f"s{number}") for number in range(40)])
    asked.clear()
    run(engine, start + 60_000)
    assert sum("min(" in each.lower() and "reading" in each for each in asked) == 1
