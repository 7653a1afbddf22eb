"""What the store does with a batch, in both databases."""

from __future__ import annotations

import json

import sqlalchemy as sa

from host_tests.backend.conftest import count
from tools.backend import tables as t
from tools.backend.messages import Item, parse
from tools.backend.queries import now_ms
from tools.backend.store import Store

MANY = 1300  # more than it asks the database about at once


def _reading(topic: str, seq: int, **fields: object) -> Item:
    content = {"value": seq, "unit": "C", "seq": seq, "boot": 1, "time": now_ms() / 1000}
    return parse(f"petrel/{topic}", json.dumps({**content, **fields}).encode(), now_ms(), "petrel")


def test_a_batch_of_many_new_nodes_is_known_to_whoever_comes_after(engine: sa.Engine) -> None:
    batch = [_reading(f"n{number}/air", 1) for number in range(MANY)]
    batch += [_reading("n0/light", 2, unit="lx"), parse("petrel/x/status", b"online", 5, "petrel")]
    written = Store(engine).write(batch)
    assert (written.stored, written.copies, written.told) == (MANY + 1, 0, 1)
    assert (count(engine, t.node), count(engine, t.sensor)) == (MANY + 1, MANY + 1)
    again = Store(engine).write([*batch, _reading("n7/air", 2)])
    assert (again.stored, again.copies) == (1, MANY + 1)
    assert count(engine, t.sensor) == MANY + 1


def test_copies_within_a_batch_and_of_earlier_ones_are_dropped(engine: sa.Engine) -> None:
    store = Store(engine)
    store.write([_reading("a/air", seq) for seq in (1, 2)])
    batch = [_reading("a/air", seq, value=value) for seq, value in ((2, 0), (3, 30), (3, 31))]
    written = store.write(batch)
    assert (written.stored, written.copies) == (1, 2)
    assert [event.value for event in written.events] == [30]
    r = t.reading.c
    with engine.connect() as connection:
        found = connection.execute(sa.select(r.seq, r.value).order_by(r.seq)).all()
    assert [tuple(row) for row in found] == [(1, 1), (2, 2), (3, 30)]


def test_an_older_reading_is_not_the_newest_after_a_restart(engine: sa.Engine) -> None:
    Store(engine).write([_reading("a/air", 2)])
    old = (now_ms() - 60_000) / 1000
    written = Store(engine).write([_reading("a/air", 1, time=old), _reading("a/air", 3)])
    assert [event.fresh for event in written.events] == [False, True]
