"""Rules as docs/rules.md describes them, for tests: what a node should have done.

It shares nothing with the node's code: conditions become closures over values, the time is that of
`zoneinfo`, and the sun that of NOAA's long form with Julian days.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Value = float | str | None
Truth = bool | None
TOKEN = re.compile(r"'[^']*'|<=|>=|==|!=|[<>()]|[^\s<>=!()']+")
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass
class World:
    """What conditions look at."""

    values: dict[str, Value] = field(default_factory=dict)
    now: int = 0  # s since the start
    local: datetime | None = None  # None: the time isn't known
    sun: tuple[int, int] = (0, 0)  # minutes of sunrise and sunset


Condition = Callable[[World], Truth]


def condition(text: str) -> Condition:
    """What a "when" means."""
    tokens = TOKEN.findall(text)
    found = _whole(tokens)
    assert not tokens, tokens
    return found


def _whole(tokens: list[str]) -> Condition:
    found = _joined(tokens, "or", lambda tokens: _joined(tokens, "and", _one))
    if tokens[:1] == ["for"]:
        tokens.pop(0)
        return _lasting(found, int(float(tokens.pop(0))))
    return found


def _joined(tokens: list[str], word: str, part: Callable[[list[str]], Condition]) -> Condition:
    parts = [part(tokens)]
    while tokens[:1] == [word]:
        tokens.pop(0)
        parts.append(part(tokens))
    decides = word == "or"

    def judge(world: World) -> Truth:
        found = [each(world) for each in parts]
        if decides in found:
            return decides
        return None if None in found else not decides

    return judge


def _lasting(inner: Condition, seconds: int) -> Condition:
    began: list[int] = []

    def judge(world: World) -> Truth:
        found = inner(world)
        if not found:
            began.clear()
            return found
        began[:] = began or [world.now]
        return world.now - began[0] >= seconds

    return judge


def _one(tokens: list[str]) -> Condition:
    token = tokens.pop(0)
    if token == "not":
        inner = _one(tokens)
        return lambda world: None if (found := inner(world)) is None else not found
    if token == "(":
        inner = _whole(tokens)
        assert tokens.pop(0) == ")"
        return inner
    if token == "from":
        began = tokens.pop(0)
        assert tokens.pop(0) == "to"
        return _between(began, tokens.pop(0))
    if token == "at":
        at = tokens.pop(0)
        return lambda world: _minute(world) == _time(at, world) if world.local else None
    if token == "day":
        days = tokens.pop(0)
        while days.endswith(","):
            days += tokens.pop(0)
        wanted = _days(days)
        return lambda world: world.local.weekday() in wanted if world.local else None
    return _compared(token, tokens)


def _compared(name: str, tokens: list[str]) -> Condition:
    name = name.rstrip("'")
    if not tokens or tokens[0] not in ("<", "<=", ">", ">=", "==", "!="):
        return _comparing(name, "!=", 0)
    how, other = tokens.pop(0), tokens.pop(0)
    constant: Value = None
    if other.startswith("'"):
        constant = other[1:-1]
    elif other in ("true", "false"):
        constant = float(other == "true")
    elif re.fullmatch(r"[-+]?\d+(\.\d+)?", other):
        constant = float(other)
    if tokens[:1] != ["until"]:
        return _comparing(name, how, constant, other.rstrip("'"))
    tokens.pop(0)
    end = float(tokens.pop(0))
    assert isinstance(constant, float)
    return _until(name, how, constant, end)


def _comparing(name: str, how: str, constant: Value, other: str = "") -> Condition:
    def judge(world: World) -> Truth:
        a = world.values.get(name)
        b = world.values.get(other) if constant is None else constant
        if a is None or b is None:
            return None
        if isinstance(a, str) != isinstance(b, str):
            return {"==": False, "!=": True}.get(how)
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b,
            ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "!=": lambda a, b: a != b,
        }  # fmt: skip
        return compare[how](a, b)

    return judge


def _until(name: str, how: str, begin: float, end: float) -> Condition:
    held: list[bool] = [False]

    def judge(world: World) -> Truth:
        value = world.values.get(name)
        if value is None or isinstance(value, str):
            return None
        if value < begin if how == "<" else value > begin:
            held[0] = True
        elif value >= end if how == "<" else value <= end:
            held[0] = False
        return held[0]

    return judge


def _between(began: str, ended: str) -> Condition:
    def judge(world: World) -> Truth:
        if not world.local:
            return None
        a, b, minute = _time(began, world), _time(ended, world), _minute(world)
        return a <= minute < b if a < b else minute >= a or minute < b

    return judge


def _minute(world: World) -> int:
    assert world.local
    return world.local.hour * 60 + world.local.minute


def _time(text: str, world: World) -> int:
    for name, minute in zip(("sunrise", "sunset"), world.sun, strict=True):
        if text.startswith(name):
            return (minute + int(text[len(name) :] or 0)) % 1440
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _days(text: str) -> set[int]:
    found = set()
    for each in text.split(","):
        first, last = (WEEK.index(day) for day in (each.split("-") * 2)[:2])
        day = first
        while day != last:
            found.add(day)
            day = (day + 1) % 7
        found.add(last)
    return found


def sun(day: datetime, latitude: float, longitude: float, zone: ZoneInfo) -> tuple[int, int]:
    """The minutes of sunrise and sunset, local time; NOAA's long form."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15)
    t = (noon.timestamp() / 86_400 + 2_440_587.5 - 2_451_545) / 36_525
    mean = math.radians((280.46646 + t * (36_000.76983 + t * 0.0003032)) % 360)
    anomaly = math.radians(357.52911 + t * (35_999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = (
        math.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + math.sin(3 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * t)
    apparent = math.radians(math.degrees(mean) + centre - 0.00569 - 0.00478 * math.sin(node))
    tilt = 23 + (26 + (21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))) / 60) / 60
    tilt = math.radians(tilt + 0.00256 * math.cos(node))
    declination = math.asin(math.sin(tilt) * math.sin(apparent))
    y = math.tan(tilt / 2) ** 2
    equation = 4 * math.degrees(
        y * math.sin(2 * mean) - 2 * eccentricity * math.sin(anomaly)
        + 4 * eccentricity * y * math.sin(anomaly) * math.cos(2 * mean)
        - 0.5 * y * y * math.sin(4 * mean) - 1.25 * eccentricity**2 * math.sin(2 * anomaly)
    )  # fmt: skip
    high = math.cos(math.radians(90.833)) / (
        math.cos(math.radians(latitude)) * math.cos(declination)
    ) - math.tan(math.radians(latitude)) * math.tan(declination)
    half = 4 * math.degrees(math.acos(high))
    middle = 720 - 4 * longitude - equation
    offset = noon.astimezone(zone).utcoffset()
    assert offset is not None
    ahead = offset.total_seconds() / 60
    return round(middle - half + ahead) % 1440, round(middle + half + ahead) % 1440


@dataclass
class Output:
    """A relay as its page describes it, or something that stays as it is set."""

    safe: Any
    most_s: float = 0
    state: Any = None
    since: int = 0

    def __post_init__(self) -> None:
        self.state = self.safe

    def set(self, value: Any, now: int) -> None:
        """Switch it."""
        value = int(value)
        if value != self.state:
            self.since = now
        self.state = value

    def look(self, now: int) -> None:
        """Back to what is safe after its longest time."""
        if self.most_s and self.state != self.safe and now - self.since >= self.most_s:
            self.set(self.safe, now)


class Rules:
    """A node's rules and outputs."""

    def __init__(self, config: dict[str, Any], start: float, zone: str) -> None:
        """start: s since 1970; zone: the name of the time zone."""
        self.rules = config["rules"]
        self.conditions = [condition(rule["when"]) for rule in self.rules]
        self.states: list[Truth] = [None] * len(self.rules)
        self.acted = [-(10**9)] * len(self.rules)
        self.outputs = {
            each["name"]: Output(int(each.get("safe", 0)), each.get("most_s", 0))
            for each in config["sensors"]
            if each["driver"] in ("relay", "dimmer", "servo")
        }
        self.ends: dict[str, tuple[int, int]] = {}  # output -> when, rule
        self.start = start
        self.zone = ZoneInfo(zone)
        self.place = config["place"]
        self.world = World()
        self.changes: list[list[Any]] = []

    def look(self, now: int) -> None:
        """One turn, at so many s after the start; the changes of outputs are noted."""
        before = {name: output.state for name, output in self.outputs.items()}
        world = self.world
        world.now = now
        world.local = datetime.fromtimestamp(self.start + now, self.zone)
        latitude, longitude = self.place["latitude"], self.place["longitude"]
        world.sun = sun(world.local, latitude, longitude, self.zone)
        for output in self.outputs.values():
            output.look(now)
        for name, (end, rule) in list(self.ends.items()):
            if now >= end:
                del self.ends[name]
                self.outputs[name].set(self.outputs[name].safe, now)
                self.acted[rule] = now
        for i, rule in enumerate(self.rules):
            self._weigh(i, rule, now)
        for name, output in self.outputs.items():
            if output.state != before[name]:
                self.changes.append([now, name, output.state])

    def _weigh(self, i: int, rule: dict[str, Any], now: int) -> None:
        found = self.conditions[i](self.world)
        rests = now - self.acted[i]
        if found is None:
            return
        if found == self.states[i]:
            if not found or not rule.get("again") or rests < rule["again"]:
                return
        elif found and rests < rule.get("pause", 0):
            return
        self.states[i] = found
        acts = rule.get("then" if found else "else", [])
        for act in [acts] if isinstance(acts, dict) else acts:
            self.acted[i] = now
            self.ends.pop(act["set"], None)
            self.outputs[act["set"]].set(act["value"], now)
            if "for" in act:
                self.ends[act["set"]] = (now + act["for"], i)
