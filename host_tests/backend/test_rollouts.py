"""Rollouts in the collector's database: kept there, shown on the page, stopped from there."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from host_tests.backend.page import Page
from tools.backend import rollouts
from tools.backend import tables as t
from tools.backend.database import writing
from tools.backend.rollouts import Record
from tools.shared.errors import ToolError

HERE = f"eve@{socket.gethostname()}"
KEPT: dict[str, Any] = {
    "serial": 12, "stage": 1, "stopped": "", "rules": {"stages": [1, 3], "window": "22:00-05:00"},
    "members": {
        "n0": {"phase": "healthy", "words": "runs it", "runs": 12},
        "n1": {"phase": "offered", "words": "fetching, 50 %", "runs": 11},
        "n2": {"phase": "", "words": "", "runs": 11},
    },
}  # fmt: skip


def record(engine: sa.Engine, who: str = HERE, before: dict[str, Any] | None = None) -> Record:
    return Record(engine, ("petrel", 12), "0.3.0+12", who, before)


def only(engine: sa.Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        (found,) = rollouts.rollouts(connection)
    return found


def test_it_is_kept_and_goes_on(engine: sa.Engine) -> None:
    first = record(engine)
    assert first.load() is None
    first.note("begins, 3 nodes")
    first.note("healthy: runs it", "n0")
    assert first.save(KEPT, over=False)
    again = record(engine)
    assert again.load() == KEPT
    shown = only(engine)
    assert (shown["state"], shown["stage"], shown["stages"]) == ("running", 2, [1, 3])
    assert shown["counts"] == {"healthy": 1, "offered": 1, "waiting": 1}
    with engine.connect() as connection:
        found = rollouts.rollout(connection, shown["id"])
        assert rollouts.rollout(connection, 99) is None
    assert found is not None
    assert [(e["by"], e["node"], e["text"]) for e in found["events"]] == [
        (HERE, "n0", "healthy: runs it"), (HERE, "", "begins, 3 nodes"),
    ]  # fmt: skip


def test_what_was_begun_in_files_goes_on_here(engine: sa.Engine) -> None:
    assert record(engine, before=KEPT).load() == KEPT
    assert record(engine, before={}).load() == KEPT


def test_one_of_another_computer_is_refused_while_it_is_alive(engine: sa.Engine) -> None:
    record(engine, "eve@elsewhere")
    with pytest.raises(ToolError, match="eve@elsewhere runs the rollout of 12"):
        record(engine)
    with writing(engine) as connection:
        long_ago = t.rollout.c.seen - rollouts.GONE_MS
        connection.execute(t.rollout.update().values(seen=long_ago))
    assert only(engine)["state"] == "interrupted"
    record(engine)
    assert only(engine)["state"] == "running"


@pytest.mark.parametrize(("pid", "refused"), [(os.getppid(), True), (2**22 + 1, False)])
def test_one_of_this_computer_is_refused_while_its_process_is_there(
    engine: sa.Engine, pid: int, refused: bool
) -> None:
    record(engine)
    with writing(engine) as connection:
        connection.execute(t.rollout.update().values(pid=pid))
    if refused:
        with pytest.raises(ToolError, match="runs the rollout"):
            record(engine)
    else:
        record(engine)


def test_a_database_that_is_away_is_tried_again(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    one = record(engine)
    one.note("begins")
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE rollout_event RENAME TO elsewhere"))
    assert not one.save(KEPT, over=False) and not one.save(KEPT, over=False)
    assert caplog.text.count("trying again") == 1
    with writing(engine) as connection:
        connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO rollout_event"))
    assert one.save(KEPT, over=True)
    assert record(engine).load() == KEPT
    with engine.connect() as connection:
        assert connection.scalars(sa.select(t.rollout_event.c.text)).all() == ["begins"]


@pytest.mark.parametrize(("stopped", "state"), [("", "done"), ("1 of 3 nodes failed", "stopped")])
def test_one_that_has_ended_is_not_stopped(engine: sa.Engine, stopped: str, state: str) -> None:
    record(engine).save({**KEPT, "stopped": stopped}, over=True)
    shown = only(engine)
    assert (shown["state"], shown["stopped"]) == (state, stopped)
    with pytest.raises(ToolError, match="has ended"), writing(engine) as connection:
        rollouts.ask_to_stop(connection, shown["id"], "eve")


def test_an_operator_stops_it_on_the_page(engine: sa.Engine, tmp_path: Path) -> None:
    one = record(engine)
    one.save(KEPT, over=False)
    page = Page(engine, tmp_path)
    number = only(engine)["id"]
    with page.client("viewer") as client:
        assert client.post(f"/api/v1/rollouts/{number}/stop").status_code == 403
        (told,) = client.get("/api/v1/rollouts").json()
        assert (told["window"], told["runner"]) == ("22:00-05:00", HERE)
    page.publish("petrel/n0/status", "online")
    page.publish("petrel/n1/status", "offline")
    assert one.stop_asked() == ""
    with page.client("operator") as client:
        assert client.post(f"/api/v1/rollouts/{number}/stop").status_code == 200
        assert client.post(f"/api/v1/rollouts/{number}/stop").status_code == 200
        assert client.post("/api/v1/rollouts/99/stop").status_code == 404
        detail = client.get(f"/api/v1/rollouts/{number}").json()
    assert (detail["state"], detail["silent"]) == ("stopping", 2)
    assert [each["name"] for each in detail["nodes"] if each["silent"]] == ["n1", "n2"]
    assert [(e["by"], e["text"]) for e in detail["events"]] == [
        ("operator on the page", "asked to stop it")
    ]
    assert one.stop_asked() == "operator on the page"
    one.again()
    assert one.stop_asked() == ""


def test_it_is_small_enough_for_five_hundred_nodes(engine: sa.Engine) -> None:
    node = {"phase": "healthy", "words": "runs it", "runs": 12, "measures": True}
    kept = {**KEPT, "members": {f"greenhouse-{number}": node for number in range(500)}}
    record(engine).save(kept, over=False)
    assert only(engine)["counts"] == {"healthy": 500} and len(json.dumps(kept)) < 60_000
