"""Plain values and JSON of other publishers, made readings by `[[mapping]]` of the config.

Such messages have no boot and seq. Where they tell their time, that identifies them, and a copy
is dropped. Where they don't, the time of arrival does: then a copy that the broker sends again,
after the collector was killed between storing and acknowledging, is stored a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import topic_matches_sub

from tools.backend.config import MappingSection
from tools.backend.messages import (
    FOREIGN,
    LONGEST_NAME,
    MOST,
    Item,
    NotReadable,
    Reading,
    Unreadable,
    clean,
    decoded,
    milliseconds,
    plausible,
    valued,
)
from tools.backend.tables import BY_ARRIVAL, BY_NODE

BASE = ""  # of nodes that are not Petrel's
DEEPEST = 8


class Mappings:
    """All mappings of a config; the first whose filter matches makes the readings."""

    def __init__(self, sections: Sequence[MappingSection]) -> None:
        self._sections = sections
        self._last: dict[tuple[str, str], int] = {}

    def parse(self, topic: str, payload: bytes, at: int) -> list[Item] | None:
        """The readings of a message; None if no mapping is meant for it."""
        for section in self._sections:
            if topic_matches_sub(section.filter, topic):
                try:
                    return list(self._readings(section, topic, payload, at))
                except NotReadable as error:
                    return [Unreadable(clean(topic), payload, str(error), at)]
        return None

    def counted(self, node: str, sensor: str, at: int) -> int:
        """The number of a reading without one: two within a millisecond are two readings."""
        seq = max(at, self._last.get((node, sensor), 0) + 1)
        self._last[node, sensor] = seq
        return seq

    def _readings(
        self, section: MappingSection, topic: str, payload: bytes, at: int
    ) -> Iterator[Item]:
        levels = topic.split("/")
        if section.format == "value":
            value = _plain(payload)
            yield self._reading(section, levels, "", value, at, None)
            return
        content = decoded(payload)
        values = dict(_leaves(content)) if isinstance(content, dict) else {"": content}
        time = _time(values.get(section.time)) if section.time else None
        wanted = section.keys or [key for key in values if key != section.time]
        for key in wanted:
            if key in values:
                yield self._reading(section, levels, key, values[key], at, time)

    def _reading(
        self,
        section: MappingSection,
        levels: list[str],
        key: str,
        value: Any,
        at: int,
        said: int | None,
    ) -> Reading:
        node, sensor = _named(section.node, levels, key), _named(section.sensor, levels, key)
        number, text, kind = valued(value)
        unit = section.units.get(key, section.unit)
        if said is not None and plausible(said, at):
            time, seq, source = said, said, BY_NODE
        else:
            seq = self.counted(node, sensor, at)
            time, source = at, BY_ARRIVAL
        said = None if source == BY_NODE else said
        return Reading(
            BASE, node, sensor, FOREIGN, seq, time, source, number, text, unit, kind, at, said
        )


def _named(pattern: str, levels: list[str], key: str) -> str:
    try:
        name = pattern.format(*levels, key=key).strip("/")
    except IndexError:
        raise NotReadable(f"the topic has no level for {pattern}") from None
    if not 0 < len(name) <= LONGEST_NAME:
        raise NotReadable(f"{pattern} gives a name of {len(name)} characters")
    return clean(name)


def _plain(payload: bytes) -> Any:
    """A payload that is a value: a number, a switch or text."""
    if not payload:
        raise NotReadable("empty")
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise NotReadable("not text") from None
    if text.lower() in ("on", "true", "online", "open"):
        return True
    if text.lower() in ("off", "false", "offline", "closed"):
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text


def _leaves(
    content: dict[str, Any], before: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """The values in JSON, those of objects in it by names with a slash."""
    for key, value in content.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _leaves(value, f"{before}{key}/", depth + 1)
        elif isinstance(value, bool | int | float | str):
            yield before + key, value


def _time(value: Any) -> int | None:
    """Seconds or ms since 1970, or ISO 8601, as ms; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    found = milliseconds(value)
    if found is not None and abs(found) > 10**14:  # it was ms already
        found = max(-MOST, min(MOST, found // 1000))
    return found
