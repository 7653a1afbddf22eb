"""The rules of a rollout, with simulated nodes and a simulated clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.fleet.stages import BACK, OFFER, WITHDRAW, Member, Rollout, Rules, stages_of

OLD, NEW = 11, 12
STEP_S = 30.0


class Fleet:
    """Nodes that obey a rollout. Whether the release is bad for one is decided by `bad`.

    off: nodes that are never there; mute: nodes that measure nothing under the release
    """

    def __init__(
        self,
        count: int,
        bad: Callable[[str], bool] = lambda name: False,
        off: tuple[str, ...] = (),
        mute: tuple[str, ...] = (),
        **rules: float,
    ) -> None:
        self.now = 0.0
        self.runs = {f"n{number:03}": OLD for number in range(count)}
        self.most = 0  # nodes that ran the release at a time, or tried to
        self.actions: list[tuple[str, str]] = []
        self._bad, self._off, self._mute = bad, off, mute
        self.deaf: set[str] = set()  # nodes that don't say that an offer was withdrawn
        self._pending: dict[str, float] = {}  # a node -> when it has fetched what it was offered
        members = {name: Member() for name in self.runs}
        self.rollout = Rollout(NEW, Rules(stages_of("1,5%,25%", count), **rules), members)  # type: ignore[arg-type]
        self.speak()

    def state(self, name: str, state: str, **more: object) -> None:
        said = {"state": state, "serial": self.runs[name], **more}
        self.rollout.heard(name, "update/state", said, self.now)

    def speak(self) -> None:
        for name in self.runs:
            if name in self._off:
                continue
            self.rollout.heard(name, "status", "online", self.now)
            self.rollout.heard(name, "diagnostics", {"crashes": 0}, self.now)
            if not (name in self._mute and self.runs[name] == NEW):
                self.rollout.heard(name, "light", {"value": 1}, self.now)

    def cut(self) -> None:
        """The command is killed, and goes on; the broker has what nodes said last."""
        self.rollout = Rollout.of(json.loads(json.dumps(self.rollout.kept())), self.now)
        self.speak()
        for name, runs in self.runs.items():
            self.state(name, "idle", offered=NEW if runs == NEW else None)

    def turn(self, cut: bool = False) -> None:
        """A moment passes. cut: the command is killed when it has kept what is to be done"""
        self.now += STEP_S
        self.speak()
        for name, ready in list(self._pending.items()):
            if ready <= self.now:
                del self._pending[name]
                if self._bad(name):
                    self.state(name, "failed", offered=NEW, error="ImportError")
                else:
                    self.runs[name] = NEW
                    self.state(name, "good", offered=NEW)
        self.rollout.todo += self.rollout.due(self.now)
        if cut:
            self.cut()
        for action, name in self.rollout.todo:
            self.actions.append((action, name))
            if action == OFFER:
                self._pending[name] = self.now + random.Random(name).choice((60, 120, 300))
            elif action == WITHDRAW:
                self._pending.pop(name, None)
                if name not in self.deaf:
                    self.state(name, "idle")
            else:
                self.runs[name] = OLD
                self.state(name, "good", offered=OLD)
        self.rollout.todo = []
        on_it = [*self._pending, *(name for name, runs in self.runs.items() if runs == NEW)]
        self.most = max(self.most, len(on_it))

    def run(self, turns: int = 2000, cut: Callable[[], bool] = lambda: False) -> None:
        for _ in range(turns):
            if self.rollout.over:
                return
            self.turn(cut())
        raise AssertionError(f"it doesn't end: {self.rollout}")


def test_a_good_release_reaches_all() -> None:
    fleet = Fleet(500)
    fleet.run()
    assert set(fleet.runs.values()) == {NEW} and not fleet.rollout.stopped
    assert fleet.rollout.count("healthy") == 500


def test_the_first_one_is_alone_for_as_long_as_it_is_watched() -> None:
    fleet = Fleet(100)
    while fleet.rollout.stage == 0:
        assert fleet.most <= 1
        fleet.turn()
    assert fleet.now >= fleet.rollout.rules.watch_s


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cuts", [0, 0.2], ids=["at once", "interrupted"])
def test_a_release_that_crashes_on_one_in_twenty_stops_in_the_second_stage(
    seed: int, cuts: float
) -> None:
    """500 nodes: at most 6 % are ever on it, and all come back."""
    chosen = random.Random(seed)
    bad = {f"n{number:03}" for number in range(2, 500) if chosen.random() < 0.05}
    bad.add(f"n{chosen.randrange(1, 25):03}")
    fleet = Fleet(500, bad.__contains__)
    fleet.run(cut=lambda: chosen.random() < cuts)
    assert fleet.rollout.stopped and fleet.rollout.stage == 1
    assert fleet.most <= 30
    assert set(fleet.runs.values()) == {OLD}


def test_a_release_that_fails_on_the_first_node_goes_no_further() -> None:
    fleet = Fleet(500, lambda name: True)
    fleet.run()
    assert fleet.most == 1 and "ImportError" in fleet.rollout.stopped


def test_two_in_a_hundred_may_fail_at_the_end() -> None:
    fleet = Fleet(500, {"n400", "n410", "n420"}.__contains__)
    fleet.run()
    assert not fleet.rollout.stopped and fleet.rollout.count("failed") == 3
    assert list(fleet.runs.values()).count(NEW) == 497


def test_nodes_that_are_off_hold_up_nobody_and_are_no_failure() -> None:
    fleet = Fleet(50, off=("n000", "n020", "n049"))
    fleet.run()
    assert not fleet.rollout.stopped
    assert [name for name, runs in fleet.runs.items() if runs == OLD] == ["n000", "n020", "n049"]


def test_a_node_that_falls_silent_under_the_release_fails() -> None:
    fleet = Fleet(10)
    while not fleet.rollout.count("watched"):
        fleet.turn()
    fleet.rollout.heard("n000", "status", "offline", fleet.now)
    fleet._off = ("n000",)
    fleet.run()
    assert "is offline" in fleet.rollout.stopped


def test_a_node_that_measures_no_more_fails() -> None:
    fleet = Fleet(10, mute=("n000",))
    fleet.run()
    assert "sends no readings" in fleet.rollout.stopped
    assert set(fleet.runs.values()) == {OLD}


def test_a_node_that_crashes_while_it_is_watched_fails() -> None:
    fleet = Fleet(10)
    while not fleet.rollout.count("watched"):
        fleet.turn()
    fleet.rollout.heard("n000", "diagnostics", {"crashes": 1, "why": "KeyError"}, fleet.now)
    fleet.run()
    assert "it crashed: KeyError" in fleet.rollout.stopped
    assert set(fleet.runs.values()) == {OLD}


def test_a_node_that_never_answers_fails_in_time() -> None:
    fleet = Fleet(10, give_s=600)
    fleet.turn()
    fleet._pending.clear()
    fleet.run()
    assert "no news for 10 minutes" in fleet.rollout.stopped


def test_one_that_was_at_its_trial_when_it_stopped_is_taken_back_later() -> None:
    fleet = Fleet(20, {"n001"}.__contains__)
    while not fleet.rollout.stopped:
        fleet.turn()
    assert (WITHDRAW, "n004") in fleet.actions
    fleet.runs["n004"] = NEW
    fleet.state("n004", "good", offered=NEW)
    fleet.run()
    assert (BACK, "n004") in fleet.actions and set(fleet.runs.values()) == {OLD}


@pytest.mark.parametrize("comes", [True, False])
def test_one_that_had_all_of_it_when_it_stopped_is_waited_for(comes: bool) -> None:
    fleet = Fleet(20, {"n001"}.__contains__)
    fleet.deaf = {"n004"}
    while not fleet.rollout.stopped:
        fleet.turn()
    while fleet.rollout.count("returning", "watched"):
        fleet.turn()
    assert (WITHDRAW, "n004") in fleet.actions and not fleet.rollout.over
    if comes:
        fleet.runs["n004"] = NEW
        fleet.state("n004", "trying", offered=NEW)
        for _ in range(30):
            fleet.turn()
        assert not fleet.rollout.over
        fleet.state("n004", "good", offered=NEW)
    fleet.run()
    assert ((BACK, "n004") in fleet.actions) == comes and set(fleet.runs.values()) == {OLD}


@pytest.mark.parametrize("says", [True, False])
def test_one_that_can_not_be_taken_back_is_told_and_waited_for_no_longer(says: bool) -> None:
    fleet = Fleet(10)
    while not fleet.rollout.count("watched"):
        fleet.turn()
    fleet.rollout.heard("n000", "diagnostics", {"crashes": 1}, fleet.now)
    assert fleet.rollout.due(fleet.now) == [(BACK, "n000")]
    if says:
        fleet.state("n000", "failed", offered=OLD, error="the flash is full")
    fleet.run()
    member = fleet.rollout.members["n000"]
    assert member.phase == "stuck" and ("full" in member.words) == says


def test_who_stops_it_has_all_taken_back() -> None:
    fleet = Fleet(100)
    while fleet.rollout.stage < 1 or not fleet.rollout.count("watched"):
        fleet.turn()
    fleet.rollout.stop("eve stopped it")
    fleet.run()
    assert fleet.rollout.stopped == "eve stopped it" and set(fleet.runs.values()) == {OLD}
    assert (WITHDRAW, "n004") in fleet.actions and not fleet.rollout.count("offered")


def test_those_that_failed_get_it_once_more() -> None:
    bad = {"n400", "n410"}
    fleet = Fleet(500, bad.__contains__)
    fleet.run()
    assert fleet.rollout.count("failed") == 2
    bad.clear()
    assert fleet.rollout.retry() == 2
    fleet.run()
    assert set(fleet.runs.values()) == {NEW} and fleet.rollout.count("healthy") == 500
    assert fleet.rollout.retry() == 0


def test_one_that_was_stopped_begins_again_with_the_first_stage() -> None:
    bad = {"n001"}
    fleet = Fleet(20, bad.__contains__)
    fleet.run()
    bad.clear()
    assert fleet.rollout.retry() and fleet.rollout.stage == 0
    fleet.run()
    assert not fleet.rollout.stopped and set(fleet.runs.values()) == {NEW}


def test_only_so_many_fetch_at_a_time() -> None:
    fleet = Fleet(200, at_once=7)
    for _ in range(300):
        fleet.turn()
        assert fleet.rollout.count("offered") <= 7


def test_nothing_is_offered_outside_of_the_window() -> None:
    fleet = Fleet(10)
    assert fleet.rollout.due(0.0, open_=False) == []
    assert fleet.rollout.due(0.0) == [(OFFER, "n000")]


@settings(max_examples=30)
@given(
    st.sets(st.integers(0, 300)), st.sets(st.integers(0, 300)),
    st.sets(st.integers(0, 59), max_size=4),
)  # fmt: skip
def test_a_rollout_goes_on_where_it_was_interrupted(
    cuts: set[int], late: set[int], bad: set[int]
) -> None:
    """Killed at any moments: the end is the same, and never are more nodes on it."""
    names = {f"n{number:03}" for number in bad}
    straight, cut = Fleet(60, names.__contains__), Fleet(60, names.__contains__)
    straight.run()
    for turn in range(4000):
        if cut.rollout.over:
            break
        if turn in cuts:
            cut.cut()
        cut.turn(turn in late)
    assert cut.rollout.over
    assert bool(cut.rollout.stopped) == bool(straight.rollout.stopped)
    assert cut.runs == straight.runs
    assert cut.most <= max(straight.most, 1)


@pytest.mark.parametrize(
    ("text", "count", "stages"),
    [("1,5%,25%,100%", 500, (1, 25, 125, 500)), ("1,5%,25%", 10, (1, 3, 10)),
     ("1", 1, (1,)), ("50%", 3, (2, 3)), ("10,5", 20, (10, 20)), ("200", 7, (7,))],
)  # fmt: skip
def test_stages_grow_up_to_all(text: str, count: int, stages: tuple[int, ...]) -> None:
    assert stages_of(text, count) == stages


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "5%%", "nan", "1,,2"])
def test_what_is_not_a_stage_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        stages_of(text, 10)
