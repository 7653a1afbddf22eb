"""Alarm rules: what a file may say, and when an alarm is raised and ends."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.backend.alarms.engine import CLEAR, RAISED, Change, Engine
from tools.backend.alarms.rules import CONDITIONS, REPORTS, Rule, parse, read, rule
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT

NOON = datetime(2026, 11, 25, 12, 0).timestamp()  # a Wednesday
HOT = {"name": "hot", "sensor": "a/air", "above": 30, "hysteresis": 1}


def told(changes: Sequence[Change]) -> list[tuple[str, str]]:
    """The kinds of those changes that somebody is told of, with their subjects."""
    return [(change.kind, change.state.subject) for change in changes if change.tell]


class Watched:
    """An engine with a clock that is moved on by hand."""

    def __init__(self, *sources: dict[str, Any]) -> None:
        self.now = NOON
        self.engine = Engine([rule(source) for source in sources], started=NOON)

    def reads(self, value: Any, after: float = 1, subject: str = "a/air") -> list[Any]:
        """The sensor reads a value some seconds later; what is told of."""
        self.now += after
        node, _, sensor = subject.partition("/")
        return told(self.engine.reading(node, sensor, value, self.now, self.now))

    def waits(self, seconds: float) -> list[Any]:
        """Time passes, second by second or, if it is long, in a hundred steps."""
        found: list[Any] = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + max(1, seconds / 100))
            found += told(self.engine.tick(self.now))
        return found


def test_a_crossing_and_a_return_are_told_once() -> None:
    watched = Watched(HOT)
    assert watched.reads(30) == []
    assert watched.reads(30.1) == [("raised", "a/air")]
    assert watched.reads(35) == []
    assert watched.waits(3600) == []
    assert watched.reads(29) == [("returned", "a/air")]
    assert watched.reads(20) == []


def test_within_the_hysteresis_nothing_returns() -> None:
    watched = Watched(HOT)
    watched.reads(31)
    assert [watched.reads(value) for value in (29.5, 30.5, 29.1, 31)] == [[]] * 4


def test_below_is_the_mirror_of_above() -> None:
    watched = Watched({"name": "cold", "sensor": "a/air", "below": 5, "hysteresis": 2})
    assert watched.reads(4.9) == [("raised", "a/air")]
    assert watched.reads(6.9) == []
    assert watched.reads(7) == [("returned", "a/air")]


def test_a_delay_lets_a_short_crossing_pass() -> None:
    watched = Watched({**HOT, "for": "5m"})
    assert watched.reads(31) == []
    assert watched.reads(20, after=200) == []
    assert watched.waits(900) == []
    watched.reads(31)
    assert watched.waits(299) == []
    assert watched.waits(2) == [("raised", "a/air")]


def test_a_backlog_is_judged_by_the_time_of_its_readings() -> None:
    watched = Watched({**HOT, "for": "5m"})
    values = [20, 31, 31, 31, 31, 31, 31, 20]  # a minute apart, an hour ago, all at once
    found = []
    for number, value in enumerate(values):
        at = NOON - 3600 + 60 * number
        found += told(watched.engine.reading("a", "air", value, at, NOON))
    assert found == [("raised", "a/air"), ("returned", "a/air")]


def test_a_reading_that_is_older_than_the_last_changes_nothing() -> None:
    watched = Watched(HOT)
    watched.reads(20)
    assert watched.engine.reading("a", "air", 99, NOON - 60, NOON + 2) == []


@pytest.mark.parametrize("at", [0.0, NOON + 73 * 365 * 86400])
def test_a_node_with_a_wrong_clock_is_judged_by_the_time_of_arrival(at: float) -> None:
    watched = Watched({**HOT, "for": "5m"})
    assert told(watched.engine.reading("a", "air", 31, at, NOON)) == []
    watched.now = NOON
    assert watched.waits(299) == []
    assert watched.waits(2) == [("raised", "a/air")]


@pytest.mark.parametrize("value", [float("nan"), "open", None, [1], {"a": 1}])
def test_what_is_no_number_raises_nothing(value: Any) -> None:
    assert Watched(HOT).reads(value) == []


def test_a_door_that_stays_open() -> None:
    watched = Watched({"name": "door", "sensor": "a/air", "equals": True, "for": "10m"})
    watched.reads(True)
    assert watched.waits(601) == [("raised", "a/air")]
    assert watched.reads(False) == [("returned", "a/air")]


def test_a_silent_node_and_its_return() -> None:
    watched = Watched({"name": "silence", "node": "*", "silent": "10m"})
    watched.reads(1)
    assert watched.waits(599) == []
    assert watched.waits(2) == [("raised", "a")]
    assert watched.waits(3600) == []
    assert watched.reads(1) == [("returned", "a")]


def test_silence_before_the_start_does_not_count() -> None:
    watched = Watched({"name": "silence", "node": "*", "silent": "10m"})
    watched.engine.know("a", NOON - 86400)
    assert watched.waits(599) == []
    assert watched.waits(2) == [("raised", "a")]


def test_a_word_of_being_offline_does_not_end_silence() -> None:
    watched = Watched({"name": "silence", "node": "*", "silent": "10m"})
    watched.reads(1)
    watched.waits(601)
    assert told(watched.engine.status("a", "offline", watched.now)) == []
    assert told(watched.engine.status("a", "online", watched.now)) == [("returned", "a")]


def test_a_rate_of_change() -> None:
    watched = Watched({"name": "fast", "sensor": "a/air", "rises": 5, "within": "10m"})
    assert [watched.reads(20 + n, after=60) for n in range(5)] == [[]] * 5
    assert watched.reads(25, after=60) == [("raised", "a/air")]
    assert watched.waits(900) == [("returned", "a/air")]
    assert watched.reads(25) == []


def test_a_slow_change_is_none() -> None:
    watched = Watched({"name": "fast", "sensor": "a/air", "falls": 5, "within": "10m"})
    assert [watched.reads(20 - n, after=300) for n in range(20)] == [[]] * 20


def test_a_node_that_reports_a_fault() -> None:
    watched = Watched({"name": "node", "node": "*", "reports": ["error", "offline", "flash"]})
    engine = watched.engine
    assert told(engine.diagnostics("a", {"error": "", "flash": {"lost": 0}}, NOON)) == []
    assert told(engine.diagnostics("a", {"flash": {"lost": 1}}, NOON)) == [("raised", "a")]
    assert told(engine.diagnostics("a", {"flash": {"lost": 1}}, NOON)) == []
    assert told(engine.status("a", "offline", NOON)) == [("told", "a")]
    assert told(engine.status("a", "online", NOON)) == []
    assert told(engine.diagnostics("a", {}, NOON)) == [("returned", "a")]


def test_a_star_watches_each_by_itself() -> None:
    watched = Watched({**HOT, "sensor": "*/air"})
    assert watched.reads(31, subject="a/air") == [("raised", "a/air")]
    assert watched.reads(31, subject="b/air") == [("raised", "b/air")]
    assert watched.reads(31, subject="b/soil") == []


def test_muted_is_told_later_if_it_still_stands() -> None:
    watched = Watched(HOT)
    watched.engine.muted["hot", ""] = NOON + 3600
    assert watched.reads(31) == []
    assert watched.reads(20) == []
    assert watched.reads(31) == []
    assert watched.waits(3590) == []
    assert watched.waits(20) == [("told", "a/air")]
    assert watched.reads(20) == [("returned", "a/air")]


def test_outside_its_schedule_nobody_is_told() -> None:
    watched = Watched({**HOT, "schedule": "mon-fri 14:00-18:00"})
    assert watched.reads(31) == []
    assert watched.waits(7100) == []
    assert watched.waits(200) == [("told", "a/air")]


def test_acknowledged_is_not_told_when_a_mute_ends() -> None:
    watched = Watched(HOT)
    watched.engine.muted["hot", "a/air"] = NOON + 60
    watched.reads(31)
    watched.engine.states["hot", "a/air"].acknowledged = "eve"
    assert watched.waits(120) == []


def test_rules_that_change_keep_the_states_of_those_that_stay() -> None:
    watched = Watched(HOT, {"name": "silence", "node": "*", "silent": "10m"})
    watched.reads(31)
    gone = watched.engine.use([rule({**HOT, "above": 25})])
    assert {state.rule for state in gone} == {"silence"}
    assert watched.engine.states["hot", "a/air"].phase == RAISED
    assert watched.reads(24) == [("returned", "a/air")]


@given(st.lists(st.one_of(st.floats(), st.integers(-50, 50)), max_size=60))
def test_whatever_is_read_raised_and_returned_alternate(values: list[float]) -> None:
    watched = Watched(HOT)
    kinds = [kind for value in values for kind, _ in watched.reads(value)]
    assert kinds == ["raised", "returned"] * (len(kinds) // 2) + ["raised"] * (len(kinds) % 2)
    assert watched.engine.states == {} or all(
        (state.phase == CLEAR) == (len(kinds) % 2 == 0) for state in watched.engine.states.values()
    )


@pytest.mark.parametrize(
    "text, inside, outside",
    [
        ("mon-fri 07:00-19:00", "2026-11-25 07:00", "2026-11-25 19:00"),
        ("sat,sun", "2026-11-28 03:00", "2026-11-25 03:00"),
        ("22:00-06:00", "2026-11-25 05:59", "2026-11-25 21:59"),
        ("fri 22:00-06:00", "2026-11-28 05:00", "2026-11-27 05:00"),
        ("sat-mon", "2026-11-29 12:00", "2026-11-25 12:00"),
    ],
)
def test_schedules(text: str, inside: str, outside: str) -> None:
    one = rule({**HOT, "schedule": text})
    assert one.may_tell(datetime.fromisoformat(inside))
    assert not one.may_tell(datetime.fromisoformat(outside))


@pytest.mark.parametrize(
    "change, said",
    [
        ({"name": ""}, "needs a name"),
        ({"above": "x"}, "hot.above: 'x' isn't a number"),
        ({"above": None}, "hot.above: None isn't a number"),
        ({"below": 3}, "has both above and below"),
        ({"hysterisis": 1}, "hysterisis"),
        ({"for": "5 minutes"}, "hot.for: '5 minutes' isn't a time"),
        ({"hysteresis": -1}, "too small"),
        ({"schedule": "weekdays"}, "'weekdays' isn't a time of the week"),
        ({"schedule": "25:00-26:00"}, "isn't a time of the week"),
        ({"notify": 3}, "must be a list of names"),
        ({"node": "a"}, "above needs a sensor"),
        ({"within": "5m"}, "no such key 'within'"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolError, match=said):
        rule({**HOT, **change})


@pytest.mark.parametrize(
    "source, said",
    [
        ({"name": "x", "node": "a"}, "has no condition"),
        ({"name": "x", "sensor": "a/b", "rises": 5}, "rises needs within"),
        ({"name": "x", "node": "a", "reports": ["happiness"]}, "doesn't report 'happiness'"),
        ({"name": "x", "node": "a", "silent": "0s"}, "too short"),
        ("x", "must be a table"),
    ],
)
def test_what_is_missing_in_a_rule_is_said(source: Any, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        rule(source)


def test_a_file_names_those_who_are_told() -> None:
    tree: dict[str, Any] = {"notify": {"me": "json://x"}, "rule": [{**HOT, "notify": "me"}]}
    assert parse(tree).rules[0].notify == ("me",)
    tree["rule"][0]["notify"] = ["you"]
    with pytest.raises(ToolError, match="nobody is named 'you'"):
        parse(tree)


def test_two_rules_of_one_name_are_told(tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text('[[rule]]\nname="a"\nnode="*"\nsilent="1m"\n' * 2)
    with pytest.raises(ToolError, match=r"alarms\.toml: rule 2: another is named 'a'"):
        read(path)


def test_the_examples_of_the_documentation_are_rules() -> None:
    text = (ROOT / "docs" / "alarms.md").read_text()
    blocks = [
        tomllib.loads(block) for block in re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)
    ]
    found = [one for block in blocks if "rule" in block for one in parse(block).rules]
    assert len(found) == 5
    conditions = set(re.findall(r"^\| `(\w+) = [^|]*\|", text, re.M))
    assert conditions == {*CONDITIONS, "hysteresis", "for", "notify", "schedule", "text"}
    for word in REPORTS:
        assert f"`{word}`" in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "sensor", "node", "above", "for", "rule", "notify", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_tree_is_rules_or_is_told_what_is_wrong(tree: Any) -> None:
    try:
        found = parse({"rule": [tree]})
    except ToolError as error:
        assert error.hint
    else:
        assert all(isinstance(one, Rule) and json.dumps(one.source) for one in found.rules)
