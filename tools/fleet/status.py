"""How the nodes of a fleet are, from what the broker keeps of them."""

from __future__ import annotations

import queue
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from rich.table import Table

from tools.fleet.plan import Node
from tools.talk.connection import Address, Connection
from tools.talk.readings import parse

QUIET_S = 2.0  # with nothing new, all that is retained has come
_OF = ("status", "diagnostics", "update/state")


@dataclass
class Seen:
    """What a node said last."""

    online: bool = False
    diagnostics: dict[str, Any] = field(default_factory=dict)
    update: dict[str, Any] = field(default_factory=dict)


def look(broker: Address, base: str, nodes: list[Node]) -> dict[str, Seen]:
    """What the broker keeps of each node."""
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    connection = Connection(broker, *(f"{base}/+/{what}" for what in _OF))

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"{base}/")
        heard.put((topic, message.payload.decode(errors="replace")))

    connection.client.on_message = on_message
    connection.open()
    found = {node.name: Seen() for node in nodes}
    try:
        while True:
            topic, text = heard.get(timeout=QUIET_S)
            name, _, what = topic.partition("/")
            _take(found.get(name, Seen()), what, text)
    except queue.Empty:
        connection.check()
        return found
    finally:
        connection.close()


def _take(seen: Seen, what: str, text: str) -> None:
    said = parse(text)
    if what == "status":
        seen.online = text == "online"
    elif isinstance(said, dict) and what == "diagnostics":
        seen.diagnostics = said
    elif isinstance(said, dict):
        seen.update = said


def table(nodes: list[Node], found: dict[str, Seen]) -> Table:
    """The nodes, those that need a look first."""
    shown = Table("node", "", "board", "version", "serial", "update", "error")
    for node in sorted(nodes, key=lambda each: (found[each.name].online, each.name)):
        seen = found[node.name]
        told, update = seen.diagnostics, seen.update
        board = str(told.get("board", node.board))
        if board != node.board:
            board = f"{board}, not {node.board}"
        words = str(update.get("state", ""))
        if update.get("offered") and words not in ("good", "idle"):
            words += f" {update['offered']}"
        error = update.get("error") or told.get("why") or told.get("error") or ""
        version = update.get("version") or told.get("version", "")
        shown.add_row(
            node.name, "online" if seen.online else "offline", board, str(version),
            str(update.get("serial", "")), words, str(error)[:60],
        )  # fmt: skip
    return shown


def summary(found: dict[str, Seen]) -> str:
    """How many are online, and which serials they run."""
    online = sum(seen.online for seen in found.values())
    serials = Counter(str(seen.update.get("serial", "unknown")) for seen in found.values())
    runs = ", ".join(f"{count} run {serial}" for serial, count in serials.most_common())
    return f"{online} of {len(found)} online; {runs}"
