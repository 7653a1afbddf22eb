"""A rule: what is watched, when that is an alarm, and who is told. From a TOML file or the page.

    [notify]
    me = "ntfy://ntfy.sh/my-topic"

    [[rule]]
    name = "Greenhouse too hot"
    sensor = "greenhouse/air/temperature"
    above = 30
    hysteresis = 1
    for = "5m"

Everything wrong is told with its rule, its key and what would be right.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tools.shared.errors import ToolError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What each kind of condition is watched on, and the keys that go with it.
CONDITIONS = {
    "above": ("sensor", {"hysteresis", "for"}),
    "below": ("sensor", {"hysteresis", "for"}),
    "equals": ("sensor", {"for"}),
    "rises": ("sensor", {"within", "hysteresis"}),
    "falls": ("sensor", {"within", "hysteresis"}),
    "silent": ("", set[str]()),  # of a sensor, or of a node
    "reports": ("node", {"for"}),
}
COMMON = {"name", "sensor", "node", "notify", "schedule", "text"}
LONGEST_NAME = 80
OFFLINE = "offline"  # the one word of `reports` that is no field of the diagnostics
REPORTS = (
    OFFLINE, "error", "faults", "failing", "refused", "drops", "crashes", "lost", "flash",
    "set_aside", "not_subscribed", "clock",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """Days and times at which somebody wants to be told, in this computer's local time."""

    days: frozenset[int]
    begin: int  # minutes since midnight
    end: int  # if it is not after `begin`, on the next day

    def holds(self, at: datetime) -> bool:
        """Whether that moment is in it."""
        minute = at.hour * 60 + at.minute
        if self.begin < self.end:
            return at.weekday() in self.days and self.begin <= minute < self.end
        yesterday = (at.weekday() - 1) % 7
        return (at.weekday() in self.days and minute >= self.begin) or (
            yesterday in self.days and minute < self.end
        )


@dataclass(frozen=True)
class Rule:
    """One rule, checked. `limit` is a number, for `equals` any value; times are in seconds."""

    name: str
    kind: str  # a key of CONDITIONS
    target: str  # "node/sensor" or "node", with * for any text
    on_sensor: bool
    limit: Any = None
    hysteresis: float = 0.0
    delay: float = 0.0
    within: float = 0.0
    reports: tuple[str, ...] = ()
    notify: tuple[str, ...] | None = None  # None: everybody there is
    schedule: tuple[Window, ...] = ()
    text: str = ""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def matches(self, subject: str) -> bool:
        """Whether it watches that sensor ("node/sensor") or that node."""
        return fnmatch.fnmatchcase(subject, self.target)

    def may_tell(self, at: datetime) -> bool:
        """Whether its schedule lets it notify somebody at that moment."""
        return not self.schedule or any(window.holds(at) for window in self.schedule)

    def words(self) -> str:
        """The condition as a person says it, with its hysteresis."""
        what = self.condition()
        if self.hysteresis:
            what += f" (hysteresis {self.hysteresis:g})"
        return what

    def condition(self) -> str:
        """The condition as a person says it."""
        what = {
            "above": f"above {self.limit}",
            "below": f"below {self.limit}",
            "equals": f"is {_shown(self.limit)}",
            "rises": f"rises by {self.limit} within {spoken(self.within)}",
            "falls": f"falls by {self.limit} within {spoken(self.within)}",
            "silent": f"silent for {spoken(self.within)}",
            "reports": f"reports {', '.join(self.reports)}",
        }[self.kind]
        if self.delay:
            what += f" for {spoken(self.delay)}"
        return what


@dataclass(frozen=True)
class Rules:
    """The content of a file: rules, and the Apprise URLs by the name of who is told."""

    rules: tuple[Rule, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Rules:
    """The rules of a file; raises ToolError that names the file and the fault."""
    try:
        return parse(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"{path}: {error}", "The file must be TOML, see docs/alarms.md.") from None
    except UnicodeDecodeError:
        raise ToolError(f"{path} isn't text in UTF-8", "Save it as UTF-8.") from None
    except ToolError as error:
        raise ToolError(f"{path}: {error.message}", error.hint) from None


def parse(tree: Mapping[str, Any]) -> Rules:
    """What a file says, as rules."""
    for key in tree:
        if key not in ("rule", "notify"):
            raise ToolError(f"{key}: no such key", "The file has [notify] and [[rule]].")
    targets = tree.get("notify", {})
    if not isinstance(targets, dict) or not all(isinstance(v, str) for v in targets.values()):
        raise ToolError("notify: must be names with URLs", 'For example me = "ntfy://topic".')
    rules = tree.get("rule", [])
    if not isinstance(rules, list):
        raise ToolError("rule: must be a list", "Begin each rule with [[rule]].")
    found: dict[str, Rule] = {}
    for number, source in enumerate(rules, 1):
        one = rule(source, f"rule {number}")
        if one.name in found:
            raise ToolError(f"rule {number}: another is named {one.name!r}", "Rename one of them.")
        for name in one.notify or ():
            if name not in targets:
                raise ToolError(
                    f"{one.name}.notify: nobody is named {name!r}",
                    f"[notify] has {', '.join(targets) or 'nobody'}.",
                )
        found[one.name] = one
    return Rules(tuple(found.values()), dict(targets))


def rule(source: Any, place: str = "rule") -> Rule:
    """One rule from its keys; raises ToolError."""
    if not isinstance(source, dict):
        raise ToolError(f"{place}: must be a table of keys", "Begin each rule with [[rule]].")
    name = source.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise ToolError(
            f"{place}: it needs a name of 1 to {LONGEST_NAME} characters",
            'For example name = "Greenhouse too hot".',
        )
    kinds = [kind for kind in CONDITIONS if kind in source]
    if len(kinds) != 1:
        said = "has no condition" if not kinds else f"has both {' and '.join(kinds[:2])}"
        raise ToolError(f"{name}: {said}", f"Give one of {', '.join(CONDITIONS)}.")
    kind = kinds[0]
    watched, own = CONDITIONS[kind]
    _check_keys(name, source, COMMON | own | {kind})
    targets = [key for key in ("sensor", "node") if key in source]
    if len(targets) != 1 or (watched and targets != [watched]):
        raise ToolError(
            f"{name}: {kind} needs {f'a {watched}' if watched else 'a sensor or a node'}",
            'For example sensor = "greenhouse/air/temperature" or node = "*".',
        )
    target = source[targets[0]]
    if not isinstance(target, str) or not target:
        raise ToolError(f"{name}.{targets[0]}: must be a name", "* stands for any text.")
    return Rule(
        name=name,
        kind=kind,
        target=target,
        on_sensor=targets[0] == "sensor",
        limit=_limit(name, kind, source[kind]),
        hysteresis=_number(name, "hysteresis", source.get("hysteresis", 0), at_least=0),
        delay=seconds(name, "for", source.get("for", 0)),
        within=_within(name, kind, source),
        reports=_reports(name, source[kind]) if kind == "reports" else (),
        notify=_names(name, source["notify"]) if "notify" in source else None,
        schedule=_schedule(name, source.get("schedule", ())),
        text=_text(name, source.get("text", "")),
        source=dict(source),
    )


def spoken(duration: float) -> str:
    """A time as a person says it: "5 min"."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if duration >= size and duration % size == 0:
            return f"{duration / size:g} {unit}"
    return f"{duration:g} s"


def seconds(name: str, key: str, value: Any) -> float:
    """A duration: seconds, or a number with its unit, such as "5m"."""
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value)
        if not found:
            raise ToolError(
                f"{name}.{key}: {value!r} isn't a time", 'Say "90s", "5m", "2h" or "1d".'
            )
        return float(found[1]) * UNITS[found[2]]
    return _number(name, key, value, at_least=0)


def _check_keys(name: str, source: Mapping[str, Any], known: set[str]) -> None:
    for key in source:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = (
                f"Did you mean {near[0]}?" if near else f"It may have {', '.join(sorted(known))}."
            )
            raise ToolError(f"{name}: no such key {key!r}", hint)


def _number(name: str, key: str, value: Any, at_least: float | None = None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ToolError(f"{name}.{key}: {value!r} isn't a number", "Give a number.")
    if at_least is not None and value < at_least:
        raise ToolError(f"{name}.{key}: {value} is too small", f"Give {at_least:g} or more.")
    return float(value)


def _limit(name: str, kind: str, value: Any) -> Any:
    if kind == "equals":
        if not isinstance(value, bool | int | float | str):
            raise ToolError(
                f"{name}.equals: {value!r} isn't a value", "Give true, a number or text."
            )
        return value
    if kind in ("silent", "reports"):
        return None
    number = _number(name, kind, value)
    if kind in ("rises", "falls") and number <= 0:
        raise ToolError(f"{name}.{kind}: {value} is too small", "Give more than 0.")
    return int(number) if number.is_integer() else number


def _within(name: str, kind: str, source: Mapping[str, Any]) -> float:
    key = {"silent": "silent", "rises": "within", "falls": "within"}.get(kind)
    if key is None:
        return 0.0
    if key not in source:
        raise ToolError(f"{name}: {kind} needs within", 'For example within = "10m".')
    found = seconds(name, key, source[key])
    if found < 1:
        raise ToolError(f"{name}.{key}: {source[key]!r} is too short", "Give 1 s or more.")
    return found


def _reports(name: str, value: Any) -> tuple[str, ...]:
    found = _names(name, value, "reports")
    for word in found:
        if word not in REPORTS:
            raise ToolError(
                f"{name}.reports: a node doesn't report {word!r}", f"Use {', '.join(REPORTS)}."
            )
    return found


def _names(name: str, value: Any, key: str = "notify") -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise ToolError(f"{name}.{key}: must be a list of names", f'For example {key} = ["me"].')
    return tuple(values)


def _schedule(name: str, value: Any) -> tuple[Window, ...]:
    return tuple(_window(name, text) for text in _names(name, value, "schedule") if text.strip())


def _window(name: str, text: str) -> Window:
    """From "mon-fri 07:00-19:00"; either half may be left out."""
    wrong = ToolError(
        f"{name}.schedule: {text!r} isn't a time of the week",
        'Say "mon-fri 07:00-19:00", "sat,sun" or "22:00-06:00".',
    )
    days, begin, end = frozenset(range(7)), 0, 24 * 60
    for word in text.lower().split():
        if word[0].isalpha():
            days = frozenset(_days(word, wrong))
            continue
        found = re.fullmatch(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)", word)
        if not found:
            raise wrong
        hours = [int(part) for part in found.groups()]
        if max(hours[0], hours[2]) > 24 or max(hours[1], hours[3]) > 59:
            raise wrong
        begin, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    return Window(days, begin, end)


def _days(word: str, wrong: ToolError) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        first, _, last = part.partition("-")
        if first[:3] not in DAYS or (last and last[:3] not in DAYS):
            raise wrong
        begin = DAYS.index(first[:3])
        length = (DAYS.index(last[:3]) - begin) % 7 if last else 0
        found |= {(begin + day) % 7 for day in range(length + 1)}
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500:
        raise ToolError(f"{name}.text: must be text of 500 characters at most", "Shorten it.")
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
