"""When an alarm is raised, and when it ends. No clock, no database, no network: all is passed in.

Each rule has a state for each sensor or node that it watches. A state goes

    clear -> waiting   the condition holds, and the rule's delay has begun
    waiting -> clear   it no longer holds: nothing has happened
    waiting -> raised  it has held for the delay: a change, told once
    raised -> clear    it has returned past the hysteresis: a change, told once

A reading is judged by its own time, so that what a node kept through an outage is judged in its
order; one that is older than the last one judged is left out. `told` remembers whether somebody
was told of the alarm: one that nobody was told of (muted, or outside its schedule) is told when
that ends, if it still stands; and only what was told is told to have ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tools.backend.alarms.rules import OFFLINE, Rule, spoken

CLEAR, WAITING, RAISED = "clear", "waiting", "raised"
OLDEST_S = 400 * 86400.0  # a reading that claims to be older has a wrong clock
SAMPLES = 10_000  # of a rate of change, at most


@dataclass
class State:
    """What a rule knows of one sensor or node."""

    rule: str
    subject: str
    phase: str = CLEAR
    since: float = 0.0
    value: Any = None
    told: bool = False
    acknowledged: str = ""  # by whom
    judged: float = 0.0  # the time of the last reading that was judged
    samples: deque[tuple[float, float]] = field(default_factory=deque, compare=False, repr=False)


@dataclass(frozen=True)
class Change:
    """Something to be kept, and to be told if `tell`.

    kind: "raised" and "returned"; "waiting" and "clear", of which only the state is kept; or
    "told" where somebody has to be told now of what was raised before
    """

    kind: str
    state: State
    at: float
    text: str
    tell: bool


class Engine:
    """The states of all rules.

    started: from when silence counts, because nothing was heard before
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        states: Iterable[State] = (),
        started: float = 0.0,
    ) -> None:
        self.states: dict[tuple[str, str], State] = {(s.rule, s.subject): s for s in states}
        self.muted: dict[tuple[str, str], float] = {}  # (rule, subject or "") -> until when
        self._started = started
        self._heard: dict[str, float] = {}  # by sensor and by node
        self._units: dict[str, str] = {}
        self._watching: dict[str, list[Rule]] = {}  # by subject; found once
        self.rules: dict[str, Rule] = {}
        self.use(rules)

    def use(self, rules: Sequence[Rule]) -> list[State]:
        """Go on with other rules; returns the states of those that are gone."""
        self.rules = {rule.name: rule for rule in rules}
        self._watching.clear()
        gone = [s for key, s in self.states.items() if not self._watched(*key)]
        for state in gone:
            del self.states[state.rule, state.subject]
        for subject in self._heard:
            self._of(subject)
        return gone

    def know(self, subject: str, heard: float) -> None:
        """A sensor ("node/sensor") or a node that was heard before this process started."""
        self._heard[subject] = max(heard, self._heard.get(subject, 0.0))
        self._of(subject)

    def reading(
        self, node: str, sensor: str, value: Any, at: float, now: float, unit: str = ""
    ) -> list[Change]:
        """A reading has been stored."""
        subject = f"{node}/{sensor}"
        changes = self._hear(subject, now) + self._hear(node, now)
        rules = self._of(subject)
        if not rules:
            return changes
        self._units[subject] = unit
        at = min(at, now) if at > now - OLDEST_S else now
        for rule in rules:
            if rule.kind == "silent":
                continue
            state = self._state(rule, subject)
            if at < state.judged:
                continue
            state.judged = at
            changes += self._judge(rule, state, value, at, now)
        return changes

    def status(self, node: str, word: str, now: float) -> list[Change]:
        """A node has said that it is online or offline."""
        changes = self._hear(node, now) if word != OFFLINE else []
        for rule in self._of(node):
            if OFFLINE in rule.reports:
                state = self._state(rule, node)
                rest = _reported(state.value) - {OFFLINE}
                found = rest | ({OFFLINE} if word == OFFLINE else set())
                changes += self._report(rule, state, found, now)
        return changes

    def diagnostics(self, node: str, fields: Mapping[str, Any], now: float) -> list[Change]:
        """A node has published its diagnostics."""
        changes = self._hear(node, now)
        for rule in self._of(node):
            if rule.kind != "reports":
                continue
            state = self._state(rule, node)
            found = {word for word in rule.reports if _wrong(fields.get(word))}
            if OFFLINE in _reported(state.value):
                found.add(OFFLINE)
            changes += self._report(rule, state, found, now)
        return changes

    def tick(self, now: float) -> list[Change]:
        """Time has passed: silence, delays, and mutes that have ended."""
        changes: list[Change] = []
        for subject in list(self._heard):
            for rule in self._of(subject):
                state = self._state(rule, subject)
                if rule.kind == "silent":
                    since = max(self._heard[subject], self._started)
                    if state.phase == CLEAR and now - since >= rule.within:
                        state.value = self._heard[subject]
                        changes += self._to(rule, state, True, since, now)
                elif state.phase == WAITING and now - state.since >= rule.delay:
                    changes.append(self._raise(rule, state, now))
                elif state.samples and state.phase == RAISED:
                    changes += self._moved(rule, state, now, now)
                if state.phase == RAISED and not state.told and not state.acknowledged:
                    changes += self._tell_late(rule, state, now)
        return changes

    # --- conditions

    def _judge(self, rule: Rule, state: State, value: Any, at: float, now: float) -> list[Change]:
        if rule.kind == "equals":
            state.value = value
            return self._to(rule, state, _same(value, rule.limit), at, now)
        number = _number(value)
        if number is None:
            return []
        state.value = value
        if rule.kind in ("rises", "falls"):
            if len(state.samples) >= SAMPLES:
                state.samples.popleft()
            state.samples.append((at, number))
            return self._moved(rule, state, at, now)
        sign = 1 if rule.kind == "above" else -1
        beyond = sign * (number - float(rule.limit))
        # At the limit itself nothing is wrong; a return has to go past the hysteresis.
        holds = beyond > (-rule.hysteresis if state.phase == RAISED else 0)
        return self._to(rule, state, holds, at, now)

    def _moved(self, rule: Rule, state: State, at: float, now: float) -> list[Change]:
        samples = state.samples
        while samples and samples[0][0] < at - rule.within:
            samples.popleft()
        change = 0.0
        if samples:
            last = samples[-1][1]
            values = [number for _, number in samples]
            change = last - min(values) if rule.kind == "rises" else max(values) - last
        limit = float(rule.limit) - (rule.hysteresis if state.phase == RAISED else 0.0)
        return self._to(rule, state, change >= limit, at, now)

    def _report(self, rule: Rule, state: State, found: set[str], now: float) -> list[Change]:
        before = _reported(state.value)
        if found or state.phase != RAISED:
            state.value = ", ".join(sorted(found))
        changes = self._to(rule, state, bool(found), now, now)
        if state.phase == RAISED and not changes and found - before:
            state.told = False  # something else is wrong besides: told as news
            state.acknowledged = ""
            changes = self._tell_late(rule, state, now)
        if not found:
            state.value = ""
        return changes

    def _hear(self, subject: str, now: float) -> list[Change]:
        """Something has come from it: silence has ended."""
        changes: list[Change] = []
        self._heard[subject] = now
        for rule in self._of(subject):
            if rule.kind == "silent":
                state = self._state(rule, subject)
                if state.phase != CLEAR:
                    changes += self._to(rule, state, False, now, now)
        return changes

    # --- transitions

    def _to(self, rule: Rule, state: State, holds: bool, at: float, now: float) -> list[Change]:
        begins = holds and state.phase == CLEAR
        if begins:
            state.phase, state.since = WAITING, at
        if state.phase == WAITING:
            if not holds:
                state.phase = CLEAR
                return [Change("clear", state, now, "", False)]
            if at - state.since >= rule.delay:
                return [self._raise(rule, state, now)]
            return [Change("waiting", state, now, "", False)] if begins else []
        if state.phase == RAISED and not holds:
            lasted = max(0.0, at - state.since)
            tell = state.told and self._may_tell(rule, state, now)
            text = f"{state.subject} {self._value(state)}, back to normal after {_about(lasted)}"
            state.phase, state.told, state.acknowledged, state.since = CLEAR, False, "", at
            return [Change("returned", state, now, _tidy(text), tell)]
        return []

    def _raise(self, rule: Rule, state: State, now: float) -> Change:
        state.phase, state.acknowledged = RAISED, ""
        state.told = self._may_tell(rule, state, now)
        return Change("raised", state, now, self._text(rule, state), state.told)

    def _tell_late(self, rule: Rule, state: State, now: float) -> list[Change]:
        if not self._may_tell(rule, state, now):
            return []
        state.told = True
        return [Change("told", state, now, self._text(rule, state), True)]

    def _may_tell(self, rule: Rule, state: State, now: float) -> bool:
        for subject in (state.subject, ""):
            if self.muted.get((rule.name, subject), 0.0) > now:
                return False
        return rule.may_tell(datetime.fromtimestamp(now))

    # --- words

    def _text(self, rule: Rule, state: State) -> str:
        if rule.kind == "silent":
            text = f"{state.subject} is silent, nothing has come for {spoken(rule.within)}"
        elif rule.kind == "reports":
            text = f"{state.subject} reports {state.value}"
        else:
            text = f"{state.subject} {self._value(state)}, {rule.condition()}"
        return _tidy(text)

    def _value(self, state: State) -> str:
        rule = self.rules.get(state.rule)
        if state.value is None or (rule and rule.kind in ("silent", "reports")):
            return ""
        value = state.value
        if isinstance(value, bool):
            value = "on" if value else "off"
        unit = self._units.get(state.subject, "")
        return f"is {value} {'°C' if unit == 'C' else unit}".rstrip()

    # --- who watches what

    def _of(self, subject: str) -> list[Rule]:
        found = self._watching.get(subject)
        if found is None:
            on_sensor = "/" in subject
            found = [
                rule
                for rule in self.rules.values()
                if rule.on_sensor == on_sensor and rule.matches(subject)
            ]
            self._watching[subject] = found
        return found

    def _watched(self, name: str, subject: str) -> bool:
        rule = self.rules.get(name)
        return rule is not None and rule.on_sensor == ("/" in subject) and rule.matches(subject)

    def _state(self, rule: Rule, subject: str) -> State:
        key = (rule.name, subject)
        if key not in self.states:
            self.states[key] = State(*key)
        return self.states[key]


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and value == value:
        return float(value)
    return None


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def _wrong(value: Any) -> bool:
    """Whether a field of the diagnostics tells of something."""
    if isinstance(value, dict):
        return any(bool(each) for each in value.values())
    return bool(value)


def _reported(value: Any) -> set[str]:
    return set(str(value).split(", ")) if value else set()


def _about(duration: float) -> str:
    """A length of time, to two digits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if duration >= 2 * size:
            return f"{duration / size:.0f} {unit}"
    return f"{duration:.0f} s"


def _tidy(text: str) -> str:
    return " ".join(text.replace(" ,", ",").split())
