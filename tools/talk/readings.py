"""What has arrived from nodes, for what shows it: `monitor`, the playground."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

TALK = ("cmd/", "reply/")  # commands and their replies are no readings
SHOWN = 60  # characters of whatever comes from outside


@dataclass
class Row:
    """What is known of one sensor."""

    value: Any = None
    unit: str = ""
    count: int = 0
    at: float = 0.0


@dataclass
class Readings:
    """All that has arrived below a base topic."""

    base: str
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)

    def take(self, topic: str, payload: str) -> str | None:
        """Note a message; returns it as a line, None if it is none of a node's."""
        node, _, what = topic.removeprefix(self.base + "/").partition("/")
        if not what or not topic.startswith(self.base + "/"):
            return None
        value = decoded(payload)
        if what == "status":
            self.status[node] = payload
        elif isinstance(value, dict) and "value" in value and not what.startswith(TALK):
            row = self.rows.setdefault((node, what), Row())
            row.value, row.unit = value["value"], str(value.get("unit", ""))
            row.count += 1
            row.at = time.monotonic()
            return _clean(f"{node} {what} {row.value} {row.unit}".rstrip())
        return _clean(f"{node} {what} {payload}")

    def shown(self, wanted: str = "") -> list[tuple[str, ...]]:
        """The cells of a row for each sensor: of nodes that are offline first, then by name.

        wanted: words that a row must have, in any of node, status and sensor
        """
        words = wanted.casefold().split()
        found = []
        rows: dict[tuple[str, str], Row | None] = dict(list(self.rows.items()))
        known = {node for node, _ in rows}
        rows.update({(node, ""): None for node in list(self.status) if node not in known})
        for (node, sensor), row in rows.items():
            status = self.status.get(node, "?")
            text = f"{node} {status} {sensor}".casefold()
            if all(word in text for word in words):
                told = ("", "", "", "")
                if row:
                    age = f"{time.monotonic() - row.at:.0f} s"
                    told = (row.value, row.unit, str(row.count), age)
                cells = (node, status, sensor, *told)
                found.append(tuple(_clean(str(cell))[:SHOWN] for cell in cells))
        return sorted(found, key=lambda cells: (cells[1] != "offline", cells[0], cells[2]))

    def summary(self) -> str:
        """How many nodes and sensors there are."""
        nodes = {node for node, _ in list(self.rows)} | set(self.status)
        if not nodes:
            return f"nothing yet below {self.base}/"
        offline = sum(self.status.get(node) == "offline" for node in nodes)
        counts = ((len(nodes), "node"), (len(self.rows), "sensor"))
        found, sensors = (f"{count} {what}{'s' * (count != 1)}" for count, what in counts)
        return f"{found}, {offline} offline, {sensors}"


def parse(payload: str) -> Any:
    """What a payload says in JSON, else its text."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def number(payload: str) -> int:
    """The sequence number of a reading; 0 for any other message."""
    value = parse(payload)
    return int(value.get("seq", 0)) if isinstance(value, dict) else 0


def decoded(payload: str) -> Any:
    """What a payload says in JSON, else its text; lists nested without end are text too."""
    try:
        return parse(payload)
    except RecursionError:
        return payload


def _clean(text: str) -> str:
    """Without what a terminal would obey: a payload is anybody's text."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
