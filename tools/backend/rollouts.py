"""Rollouts of releases: `petrel fleet rollout` keeps them here, and the page shows them.

A rollout is known by the nodes' base and the serial of the release. `kept` is the JSON that the
command goes on from (tools.fleet.stages); the collector reads of it only what the page shows.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections import Counter
from typing import Any

import sqlalchemy as sa

from tools.backend import tables as t
from tools.backend.database import Row, all_rows, reason, writing
from tools.backend.queries import now_ms
from tools.shared.errors import ToolError

log = logging.getLogger(__name__)
BEAT_S = 10.0  # how often a command that runs says so
GONE_MS = 60_000  # after which it was interrupted
EVENTS = 500  # of a rollout that the page shows
RUNS, DONE, STOPPED = "running", "done", "stopped"  # what `phase` may be
_R, _E = t.rollout.c, t.rollout_event.c


class Record:
    """A rollout of the command that runs here; what tools.fleet.book.Book says.

    before: what was kept in files, if it was begun there
    """

    def __init__(
        self,
        engine: sa.Engine,
        named: tuple[str, int],
        version: str,
        who: str,
        before: dict[str, Any] | None,
    ) -> None:
        self._engine = engine
        self._base, self._serial = named
        self._version, self._who = version, who
        self._notes: list[Row] = []
        self._saved = ""
        self._beat = float("-inf")
        self._failed = False
        self._id, self._kept = self._claimed(before)

    @property
    def place(self) -> str:
        """Where a person finds what happened."""
        return "the page Rollouts of the collector"

    def load(self) -> dict[str, Any] | None:
        """What was kept; None if it is new."""
        return self._kept

    def save(self, kept: dict[str, Any], over: bool) -> bool:
        """Keep it, with what was noted, in one transaction; False if the database is away."""
        text = json.dumps(kept)
        due = time.monotonic() - self._beat > BEAT_S
        if text == self._saved and not (due or self._notes or over):
            return True
        phase = RUNS if not over else STOPPED if kept["stopped"] else DONE
        values = {"kept": text, "phase": phase, "seen": now_ms()}
        try:
            with writing(self._engine) as connection:
                connection.execute(t.rollout.update().where(_R.id == self._id).values(**values))
                if self._notes:
                    connection.execute(t.rollout_event.insert(), self._notes)
        except sa.exc.SQLAlchemyError as error:
            if not self._failed:
                log.warning("the database doesn't answer; trying again: %s", reason(error))
            self._failed = True
            return False
        self._notes, self._saved, self._failed = [], text, False
        self._beat = time.monotonic()
        return True

    def note(self, words: str, node: str = "") -> None:
        """Write it down with what is saved next."""
        self._notes.append(_event(self._id, self._who, words, node))

    def stop_asked(self) -> str:
        """The name of the person who asked to stop it; empty if nobody did."""
        try:
            with self._engine.connect() as connection:
                return connection.scalar(sa.select(_R.stop).where(_R.id == self._id)) or ""
        except sa.exc.SQLAlchemyError:
            return ""  # it is asked again

    def again(self) -> None:
        """Forget that somebody wanted it to stop."""
        with writing(self._engine) as connection:
            connection.execute(t.rollout.update().where(_R.id == self._id).values(stop=""))

    def _claimed(self, before: dict[str, Any] | None) -> tuple[int, dict[str, Any] | None]:
        """The rollout's row, which is this command's now, and what was kept."""
        named = (_R.base == self._base, _R.serial == self._serial)
        mine = {"runner": self._who, "pid": os.getpid(), "seen": now_ms(), "phase": RUNS}
        with writing(self._engine) as connection:
            found = connection.execute(sa.select(t.rollout).where(*named)).first()
            if found is None:
                values = {"base": self._base, "serial": self._serial, "version": self._version}
                values |= {"began": now_ms(), "kept": json.dumps(before or {}), **mine}
                insert = t.rollout.insert().values(**values).returning(_R.id)
                return connection.execute(insert).scalar_one(), before
            if _runs(found._asdict()) and self._is_other(found.runner, found.pid):
                raise ToolError(
                    f"{found.runner} runs the rollout of {self._serial}",
                    "Wait until it has ended; a minute after its last word you can go on.",
                )
            connection.execute(t.rollout.update().where(_R.id == found.id).values(**mine))
        return found.id, json.loads(found.kept) or None

    def _is_other(self, runner: str, pid: int) -> bool:
        """Whether the command that said so last may be alive; of this computer that is known."""
        if runner.rpartition("@")[2] != socket.gethostname():
            return True
        if pid == os.getpid():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's
            pass
        return True


def rollouts(connection: sa.Connection) -> list[Row]:
    """All rollouts, the newest first, with how many nodes are in which phase."""
    query = sa.select(t.rollout).order_by(_R.began.desc(), _R.id.desc())
    rows = all_rows(connection, query)
    heard = {base: _heard(connection, base) for base in {row["base"] for row in rows}}
    return [_shown(row, heard[row["base"]]) for row in rows]


def rollout(connection: sa.Connection, number: int) -> Row | None:
    """One rollout, with its nodes and what happened, the newest first; None if there is none."""
    found = all_rows(connection, sa.select(t.rollout).where(_R.id == number))
    if not found:
        return None
    events = sa.select(_E.at, _E.by, _E.node, _E.text).where(_E.rollout == number)
    events = events.order_by(_E.id.desc()).limit(EVENTS)
    members = json.loads(found[0]["kept"]).get("members", {})
    heard = _heard(connection, found[0]["base"])
    nodes = [
        {"name": name, "phase": each["phase"], "words": each["words"], "serial": each["runs"],
         "silent": name not in heard}
        for name, each in members.items()
    ]  # fmt: skip
    return {**_shown(found[0], heard), "nodes": nodes, "events": all_rows(connection, events)}


def ask_to_stop(connection: sa.Connection, number: int, who: str) -> None:
    """Have the command stop it, now or when it goes on. Raises KeyError, or ToolError."""
    found = connection.execute(sa.select(_R.phase, _R.stop).where(_R.id == number)).first()
    if found is None:
        raise KeyError("rollout of that number")
    if found.phase != RUNS:
        raise ToolError("that rollout has ended", "petrel fleet rollout --stop takes nodes back.")
    if found.stop:
        return
    connection.execute(t.rollout.update().where(_R.id == number).values(stop=who))
    connection.execute(t.rollout_event.insert(), [_event(number, who, "asked to stop it", "")])


def _event(number: int, who: str, words: str, node: str) -> Row:
    return {"rollout": number, "at": now_ms(), "by": who, "node": node, "text": words}


def _runs(row: Row) -> bool:
    return bool(row["phase"] == RUNS and now_ms() - row["seen"] < GONE_MS)


def _heard(connection: sa.Connection, base: str) -> set[str]:
    """The nodes that are known and not offline. One that speaks Homie has no status."""
    n = t.node.c
    return set(connection.scalars(sa.select(n.name).where(n.base == base, n.state != "offline")))


def _shown(row: Row, heard: set[str]) -> Row:
    """What the page shows of a row."""
    kept = json.loads(row["kept"])
    state = row["phase"]
    if state == RUNS:
        state = "interrupted" if not _runs(row) else "stopping" if row["stop"] else RUNS
    stages = kept.get("rules", {}).get("stages", [])
    members = kept.get("members", {})
    counts = Counter(each["phase"] or "waiting" for each in members.values())
    names = ("id", "base", "serial", "version", "began", "seen", "runner", "stop")
    return {
        **{name: row[name] for name in names},
        "state": state,
        "stage": kept.get("stage", 0) + 1,
        "stages": stages,
        "window": kept.get("rules", {}).get("window", ""),
        "stopped": kept.get("stopped", ""),
        "counts": dict(counts),
        "silent": len({*members} - heard),
    }
