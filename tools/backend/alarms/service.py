"""The alarms at work: fed by the collector. Any thread may call the methods.

A thread judges what the feed brings and, once a second, what time has brought. What is to be told
it writes down, and sending.py tells it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tools.backend import tables
from tools.backend.alarms import memory
from tools.backend.alarms import rules as rules_of
from tools.backend.alarms import tables as t
from tools.backend.alarms.engine import RAISED, Change, Engine
from tools.backend.alarms.rules import Rule, Rules
from tools.backend.alarms.sending import Notices, Sender, going_on
from tools.backend.database import Row, writing
from tools.backend.feed import Event, Feed
from tools.shared.errors import ToolError

TICK_S = 1.0
LONGEST_MUTE_S = 366 * 86400.0
log = logging.getLogger("petrel.alarms")


class Alarms:
    """Rules from a file and from the page, their states, and the notices that tell of them.

    file: the rules' file, which need not exist; changed: called after each change, for the page
    on: False for one of two collectors, so that not both tell
    """

    def __init__(
        self,
        database: sa.Engine,
        feed: Feed,
        file: Path | None,
        send: Sender,
        clock: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
        on: bool = True,
    ) -> None:
        self.error = ""  # what is wrong with the file, if anything is
        self.changed = changed
        self.notices = Notices(database, lambda: self._rules.targets, send, clock)
        self._on = on
        self._database = database
        self._feed = feed
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._clock = clock
        self._lock = threading.RLock()
        self._rules = Rules()
        self._engine = Engine(())
        self._unkept: list[Change] = []
        self._made: list[Row] | None = None  # the rules of the page that are in use
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alarms", daemon=True)

    # --- running

    def __enter__(self) -> Alarms:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Load what is known, and begin; raises ToolError if the file is wrong."""
        self.load()
        if self._on:
            self._thread.start()
            self.notices.start()

    def stop(self) -> None:
        """End what was started."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.notices.stop()

    def load(self) -> None:
        """Take up the rules, the states and what was heard before."""
        with self._lock, writing(self._database) as connection:
            self._read_file()
            if self.error:
                raise ToolError(self.error, "Correct the file and start again.")
            now = self._clock()
            self._engine = Engine(self._all_rules(connection), (), now)
            for state in memory.states(connection):
                self._engine.states[state.rule, state.subject] = state
            self._use_rules(connection)
            self._take_over(connection)
            n, s = tables.node.c, tables.sensor.c
            for name, seen in connection.execute(sa.select(n.name, n.seen)):
                self._engine.know(name, seen / 1000)
            joined = tables.sensor.join(tables.node)
            query = sa.select(n.name, s.name, n.seen).select_from(joined)
            for name, sensor, seen in connection.execute(query):
                self._engine.know(f"{name}/{sensor}", seen / 1000)

    def take(self, events: Sequence[Event]) -> None:
        """Judge what was stored."""
        now = self._clock()
        with self._lock:
            changes: list[Change] = []
            for event in events:
                changes += self._judge(event, now)
            self._keep(changes)

    def tick(self) -> None:
        """Judge what time has brought."""
        with self._lock:
            if self._stamp_of() != self._stamp:
                self._read_file()
                self._made = None
            with self._database.connect() as connection:
                self._take_over(connection)
                made = memory.rules(connection)
            if made != self._made:
                with writing(self._database) as connection:
                    self._use_rules(connection)
            self._keep(self._engine.tick(self._clock()))

    # --- for the page and the API

    @property
    def targets(self) -> list[str]:
        """The names of those who can be told; their URLs hold passwords and stay here."""
        return sorted(self._rules.targets)

    def rules(self) -> list[dict[str, Any]]:
        """All rules: what they say, where they are from, whether they are in use."""
        with self._lock, self._database.connect() as connection:
            made = memory.rules(connection)
            muted = dict(self._engine.muted)
            found = [_about(rule, "file", True, muted) for rule in self._rules.rules]
        for row in made:
            rule = rules_of.rule(json.loads(row["source"]))
            found.append(_about(rule, "page", row["enabled"], muted))
        return sorted(found, key=lambda each: str(each["name"]).casefold())

    def save(self, source: Mapping[str, Any], by: str, replaces: str | None = None) -> Rule:
        """Make a rule on the page, or change one; raises ToolError if it is wrong."""
        rule = rules_of.rule(dict(source))
        with self._lock, writing(self._database) as connection:
            for name in rule.notify or ():
                if name not in self._rules.targets:
                    hint = f"[notify] in the file has {', '.join(self.targets) or 'nobody'}."
                    raise ToolError(f"notify: nobody is named {name!r}", hint)
            if rule.name in (each.name for each in self._rules.rules):
                raise ToolError(
                    f"the file has a rule named {rule.name!r}", "Change it there, or rename this."
                )
            made = {row["name"]: row for row in memory.rules(connection)}
            if rule.name in made and rule.name != replaces:
                raise ToolError(f"there is a rule named {rule.name!r}", "Choose another name.")
            if replaces is not None and replaces not in made:
                raise ToolError(f"there is no rule named {replaces!r}", "Was it deleted?")
            enabled = True
            if replaces is not None:
                enabled = made[replaces]["enabled"]
                connection.execute(t.rule.delete().where(t.rule.c.name == replaces))
            now = memory.ms(self._clock())
            values = {"enabled": enabled, "changed_by": by, "changed": now}
            text = json.dumps(rule.source)
            connection.execute(t.rule.insert().values(name=rule.name, source=text, **values))
            self._use_rules(connection)
        self.changed()
        return rule

    def enable(self, name: str, enabled: bool, by: str) -> None:
        """Switch a rule of the page on or off."""
        now = memory.ms(self._clock())
        values = {"enabled": enabled, "changed_by": by, "changed": now}
        self._change_rule(name, t.rule.update().values(values))

    def delete(self, name: str) -> None:
        """Delete a rule of the page."""
        self._change_rule(name, t.rule.delete())

    def acknowledge(self, rule: str, subject: str, by: str) -> None:
        """Say that somebody takes care of it; raises KeyError if no such alarm stands."""
        with self._lock, writing(self._database) as connection:
            if not memory.acknowledge(connection, rule, subject, by):
                raise KeyError(f"{rule}: {subject}")
            now = memory.ms(self._clock())
            memory.add_event(connection, now, rule, subject, "acknowledged", "", by)
            self._take_over(connection)
        self.changed()

    def mute(self, rule: str, subject: str, seconds: float, by: str) -> None:
        """Tell nobody for a time; 0 ends it. Without a subject: of all that the rule watches."""
        with self._lock, writing(self._database) as connection:
            if rule not in self._engine.rules:
                raise KeyError(rule)
            now = self._clock()
            until = memory.ms(now + min(seconds, LONGEST_MUTE_S)) if seconds > 0 else 0
            memory.mute(connection, rule, subject, until, by)
            kind, text = ("muted", f"for {rules_of.spoken(seconds)}") if until else ("unmuted", "")
            memory.add_event(connection, memory.ms(now), rule, subject, kind, text, by)
            self._take_over(connection)
        self.changed()

    # --- inside

    def _change_rule(self, name: str, change: sa.Update | sa.Delete) -> None:
        with self._lock, writing(self._database) as connection:
            if connection.execute(change.where(t.rule.c.name == name)).rowcount == 0:
                raise KeyError(name)
            self._use_rules(connection)
        self.changed()

    def _judge(self, event: Event, now: float) -> list[Change]:
        if event.kind == "reading":
            return self._engine.reading(
                event.name, event.field, event.value, event.time / 1000, now, event.unit
            )
        if event.kind == "status":
            return self._engine.status(event.name, str(event.value), now)
        if event.kind == "diagnostics":
            try:
                fields = json.loads(str(event.value))
            except ValueError:
                return []
            if isinstance(fields, dict):
                return self._engine.diagnostics(event.name, fields, now)
        return []

    def _keep(self, changes: Sequence[Change]) -> None:
        """Write changes down; what the database doesn't take is tried again with the next."""
        self._unkept += changes
        if not self._unkept:
            return
        with writing(self._database) as connection:
            for change in self._unkept:
                rule = self._engine.rules.get(change.state.rule)
                if rule is None:
                    continue
                targets = self.targets if rule.notify is None else rule.notify
                memory.keep(connection, change, targets, rule.text)
        for change in self._unkept:
            log.info("%s: %s: %s", change.kind, change.state.rule, change.text)
        self._unkept.clear()
        self.notices.wake()
        self.changed()

    def _use_rules(self, connection: sa.Connection) -> None:
        for state in self._engine.use(self._all_rules(connection)):
            memory.drop(connection, state, self._clock())

    def _all_rules(self, connection: sa.Connection) -> list[Rule]:
        """The rules in use: those of the file, and those of the page whose names it hasn't."""
        self._made = memory.rules(connection)
        made = [rules_of.rule(json.loads(row["source"])) for row in self._made if row["enabled"]]
        own = {rule.name for rule in self._rules.rules}
        return [*self._rules.rules, *(rule for rule in made if rule.name not in own)]

    def _take_over(self, connection: sa.Connection) -> None:
        """Take what users said, on this page or on that of another collector."""
        self._engine.muted = {
            (row["rule"], row["subject"]): row["until"] / 1000 for row in memory.mutes(connection)
        }
        for row in memory.raised(connection):
            state = self._engine.states.get((row["rule"], row["subject"]))
            if state is not None and state.phase == RAISED:
                state.acknowledged = row["acknowledged"]

    def _stamp_of(self) -> tuple[int, int] | None:
        try:
            stat = self._file.stat() if self._file else None
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size) if stat else None

    def _read_file(self) -> None:
        """Read the file; if it is wrong, the rules stay as they are, and `error` says why."""
        self._stamp = self._stamp_of()
        if self._stamp is None or self._file is None:
            self._rules, self.error = Rules(), ""
            return
        try:
            self._rules, self.error = rules_of.read(self._file), ""
        except (ToolError, OSError) as error:
            self.error = str(error)
            log.error("%s", self.error)

    def _watch(self) -> None:
        dropped = 0
        with self._feed.subscribe(100_000) as subscription:
            next_tick = time.monotonic() + TICK_S
            while not self._ended.is_set():
                events = subscription.take(max(0.0, next_tick - time.monotonic()))
                if subscription.dropped > dropped:
                    log.warning("%s events came too fast to judge", subscription.dropped - dropped)
                    dropped = subscription.dropped
                with going_on("alarms"):
                    if events:
                        self.take(events)
                    if time.monotonic() >= next_tick:
                        next_tick = time.monotonic() + TICK_S
                        self.tick()


def _about(rule: Rule, origin: str, enabled: bool, muted: Mapping[tuple[str, str], float]) -> Any:
    until = [until for (name, _), until in muted.items() if name == rule.name]
    return {
        "name": rule.name,
        "on": "sensor" if rule.on_sensor else "node",
        "target": rule.target,
        "words": rule.words(),
        "notify": None if rule.notify is None else list(rule.notify),
        "text": rule.text,
        "origin": origin,
        "enabled": enabled,
        "muted": memory.ms(max(until, default=0)),
        "source": dict(rule.source),
    }
