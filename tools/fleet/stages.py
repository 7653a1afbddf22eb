"""A rollout: a release for one node, then a few, then all, for as long as it goes well.

Nothing here speaks to a broker or reads a clock. `heard` takes what nodes publish, `due` tells
what is to be done next, and all that has to outlive a restart is in `kept`. A node goes this way:

    "" -> offered -> watched -> healthy        it has the release, and has been well for a while
             |          |
             +----------+-----> failed         it refused it, went back, crashed, or fell silent

When more than a certain part of a stage has failed, the rollout stops: offers are withdrawn, and
each node that runs the release, now or later, is offered the one from before: it is "returning",
then "back", or "stuck" if it can't.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

OFFER, WITHDRAW, BACK = "offer", "withdraw", "back"
_AT_WORK = ("offered", "watched")
_GOOD = (*_AT_WORK, "healthy")
_WITHDRAWN = "the offer was withdrawn"
_TRIAL_S = 600.0  # a node that doesn't answer may have restarted with the release, and be silent
_OF_NOW = ("at", "online", "heard", "read")  # of a member: what is learnt again after a restart


@dataclass
class Member:
    """A node of the rollout. at: when it came to its phase; heard: when it last said anything

    measures: readings of it were heard, so they have to be heard again; read: when that was
    """

    phase: str = ""
    words: str = ""
    at: float = 0.0
    online: bool = False
    runs: int = 0
    heard: float = 0.0
    measures: bool = False
    read: float = 0.0
    sent_back: bool = False


@dataclass(frozen=True)
class Rules:
    """How careful a rollout is.

    stages: how many nodes have the release after each; the last is all
    limit: the part of a stage's nodes that may fail
    watch_s: how long a node has to be well; give_s: what it gets to fetch the release and start it
    at_once: how many fetch at a time
    window: the time of the day in which they are offered it, as tools.fleet.window reads it
    """

    stages: tuple[int, ...]
    limit: float = 0.02
    watch_s: float = 600.0
    give_s: float = 3600.0
    at_once: int = 50
    window: str = ""


@dataclass
class Rollout:
    """The release with a serial on its way.

    stopped: why, if it was
    todo: what `due` told and nobody has done yet, as far as is known
    again: nodes that had it before are to get it once more
    """

    serial: int
    rules: Rules
    members: dict[str, Member] = field(default_factory=dict)
    stage: int = 0
    stopped: str = ""
    todo: list[tuple[str, str]] = field(default_factory=list)
    again: bool = False

    def heard(self, node: str, what: str, said: Any, now: float) -> None:
        """Take what a node published: `status`, `diagnostics`, `update/state`, or a reading."""
        member = self.members.get(node)
        if member is None:
            return
        member.heard = now
        if what == "status":
            member.online = said == "online"
        elif what == "diagnostics":
            crashes = said.get("crashes") if isinstance(said, dict) else 0
            if member.phase == "watched" and isinstance(crashes, int) and crashes:
                self._to(
                    member, "failed", f"it crashed: {said.get('why', 'no reason given')}", now
                )
        elif what == "update/state":
            self._state(member, said, now)
        else:  # a node that speaks Homie has no status, but it has readings
            member.online = member.measures = True
            member.read = now

    def due(self, now: float, open_: bool = True) -> list[tuple[str, str]]:
        """What is to be done now: OFFER, WITHDRAW or BACK, and the node.

        open_: a node may be offered the release at this time of the day
        """
        for member in self.members.values():
            self._judge(member, now)
        if not self.stopped and self._too_many():
            failed = [each for each in self.members.values() if each.phase == "failed"]
            last = max(failed, key=lambda each: each.at)
            self.stop(f"{len(failed)} of {self._wanted()} nodes failed, the last: {last.words}")
        if self.stopped:
            return self._withdraw(now) + self._take_back(now)
        while self._stage_is_over() and self.stage < len(self.rules.stages) - 1:
            self.stage += 1
        return self._offers(now) if open_ else []

    def stop(self, why: str) -> None:
        """Offer it to nobody any more, and take back those that have it."""
        self.stopped = self.stopped or why

    def retry(self) -> int:
        """Have those that failed, or were taken back, get it once more; returns how many."""
        again = [
            each for each in self.members.values()
            if each.phase not in (*_GOOD, "") or _is_withdrawn(each)
        ]  # fmt: skip
        for member in again:
            member.phase, member.words, member.sent_back = "", "once more", False
        self.stopped, self.stage, self.todo = "", 0, []
        self.again = True
        return len(again)

    @property
    def over(self) -> bool:
        """True if there is nothing left to wait for."""
        if self.stopped:
            return not self.count(*_AT_WORK, "returning") and all(
                each.runs != self.serial or each.phase == "stuck" for each in self.members.values()
            )
        last = self.stage == len(self.rules.stages) - 1
        return last and self._stage_is_over()

    def count(self, *phases: str) -> int:
        """How many nodes are in one of these phases."""
        return sum(each.phase in phases for each in self.members.values())

    def kept(self) -> dict[str, Any]:
        """What outlives a restart, for JSON."""
        kept = asdict(self)
        for member in kept["members"].values():
            for name in _OF_NOW:
                del member[name]
        return kept

    @classmethod
    def of(cls, kept: dict[str, Any], now: float) -> Rollout:
        """The rollout that was kept. Each node at work gets its whole time again."""
        rules = Rules(**{**kept["rules"], "stages": tuple(kept["rules"]["stages"])})
        members = {name: Member(**each) for name, each in kept["members"].items()}
        for member in members.values():
            member.at = member.heard = member.read = now
            member.online = False
        todo = [(action, node) for action, node in kept.get("todo", [])]
        again = kept.get("again", False)
        return cls(kept["serial"], rules, members, kept["stage"], kept["stopped"], todo, again)

    # --- what a node says

    def _state(self, member: Member, said: Any, now: float) -> None:
        if not isinstance(said, dict):
            return
        name, runs, about = said.get("state"), said.get("serial"), said.get("offered")
        if isinstance(runs, int) and name != "trying":
            member.runs = runs
        if runs == self.serial and name in ("good", "idle"):
            if member.phase in ("", "offered"):
                self._to(member, "watched", "runs it", now)
        elif member.phase in _AT_WORK and name in ("failed", "refused") and about in (
            self.serial, None
        ):  # fmt: skip
            self._to(member, "failed", str(said.get("error", name)), now)
        elif member.phase == "watched" and runs != self.serial and name != "trying":
            self._to(member, "failed", "it went back", now)
        elif member.phase == "returning" and runs != self.serial and name != "trying":
            self._to(member, "back", member.words, now)
        elif member.phase == "returning" and name in ("failed", "refused"):
            self._to(member, "stuck", str(said.get("error", name)), now)
        elif name == "trying" and runs == self.serial and member.phase in ("", "offered"):
            self._to(member, "offered", "trying", now)
        elif _is_withdrawn(member):
            if name == "idle":
                self._to(member, "", _WITHDRAWN, now)
        elif member.phase == "offered":
            percent = said.get("percent")
            member.words = f"fetching, {percent} %" if name == "fetching" else str(name)

    def _judge(self, member: Member, now: float) -> None:
        """Whether time has made something of a node."""
        rules = self.rules
        if member.phase == "returning" and now - member.at > rules.give_s:
            self._to(member, "stuck", "it could not be taken back", now)
        elif _is_withdrawn(member) and now - member.at > min(_TRIAL_S, rules.give_s):
            self._to(member, "", _WITHDRAWN, now)
        elif member.phase == "offered" and now - member.at > rules.give_s:
            self._to(member, "failed", f"no news for {rules.give_s / 60:.0f} minutes", now)
        elif member.phase == "watched" and now - member.at >= rules.watch_s:
            if not member.online:
                self._to(member, "failed", "it runs the release, and is offline", now)
            elif member.measures and member.read <= member.at:
                self._to(member, "failed", "it runs the release, and sends no readings", now)
            else:
                self._to(member, "healthy", "runs it", now)

    @staticmethod
    def _to(member: Member, phase: str, words: str, now: float) -> None:
        member.phase, member.words, member.at = phase, words, now

    # --- what is to be done

    def _wanted(self) -> int:
        """How many nodes have the release after this stage."""
        return min(self.rules.stages[self.stage], len(self.members))

    def _too_many(self) -> bool:
        failed = self.count("failed")
        return failed > 0 and failed > self.rules.limit * self._wanted()

    def _stage_is_over(self) -> bool:
        """Each node of the stage has ended; of all, those that are off are not waited for."""
        if self.count(*_AT_WORK):
            return False
        left = [each for each in self.members.values() if each.phase == ""]
        reached = len(self.members) - len(left) >= self._wanted()
        last = self.stage == len(self.rules.stages) - 1
        return reached or (last and not any(each.online for each in left))

    def _offers(self, now: float) -> list[tuple[str, str]]:
        room = min(
            self._wanted() - sum(each.phase != "" for each in self.members.values()),
            self.rules.at_once - self.count("offered"),
        )
        chosen = [
            (name, each) for name, each in self.members.items() if each.phase == "" and each.online
        ][: max(0, room)]
        for _, member in chosen:
            self._to(member, "offered", "", now)
        return [(OFFER, name) for name, _ in chosen]

    def _withdraw(self, now: float) -> list[tuple[str, str]]:
        found = []
        for name, member in self.members.items():
            # One that is at its trial is waited for: it may run the release yet. So is one that
            # doesn't answer: it may have all of it, and restart.
            if member.phase == "offered" and member.words not in ("trying", _WITHDRAWN):
                self._to(member, "offered", _WITHDRAWN, now)
                found.append((WITHDRAW, name))
        return found

    def _take_back(self, now: float) -> list[tuple[str, str]]:
        found = []
        for name, member in self.members.items():
            if member.runs == self.serial and not member.sent_back:
                member.sent_back = True
                why = member.words if member.phase == "failed" else "to the release before"
                self._to(member, "returning", why, now)
                found.append((BACK, name))
        return found


def _is_withdrawn(member: Member) -> bool:
    """Whether it was told that the offer is gone, and has not said that it knows."""
    return member.phase == "offered" and member.words == _WITHDRAWN


def stages_of(text: str, count: int) -> tuple[int, ...]:
    """The stages in a text such as "1,5%,25%,100%", as growing numbers of nodes.

    Raises ValueError for anything else.
    """
    found = []
    for part in text.replace(" ", "").split(","):
        number = float(part.removesuffix("%"))
        if not number > 0:
            raise ValueError(part)
        nodes = math.ceil(number / 100 * count) if part.endswith("%") else int(number)
        found.append(min(nodes, count))
    found.append(count)
    return tuple(dict.fromkeys(max(found[: at + 1]) for at in range(len(found))))
