"""What fleet.toml says: the nodes, and for each its board, its template and its values.

A node's values are those of [values], then those of its group, then its own; the later ones win.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.shared import boards
from tools.shared.errors import ToolError

FILE = "fleet.toml"
_TOP = ("template", "board", "secrets", "out", "values", "groups", "nodes")
_OF_GROUP = ("template", "board", "release")
_OF_NODE = ("group", "template", "board", "release", "id")
GIVEN = ("node", "group", "board")  # values that every node has
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"(?:[0-9a-f]{2}){4,16}")


@dataclass(frozen=True)
class Node:
    """A node of the fleet.

    id: what its board calls itself, in hex; empty if nobody has said it
    release: the serial that it is to stay at; None if it goes along
    values: what its template may name
    """

    name: str
    group: str
    board: str
    template: Path
    id: str = ""
    release: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The whole file. named: which values it gives, and where."""

    path: Path
    nodes: dict[str, Node]
    secrets: Path
    out: Path
    named: dict[str, str]

    def chosen(self, names: tuple[str, ...]) -> list[Node]:
        """The nodes with these names, or in these groups; all if none is named."""
        groups = {node.group for node in self.nodes.values()} - {""}
        found: dict[str, Node] = {}
        for name in names:
            if name in self.nodes:
                found[name] = self.nodes[name]
            elif name in groups:
                found |= {each.name: each for each in self.nodes.values() if each.group == name}
            else:
                raise ToolError(
                    f"{self.path} has no node or group {name!r}",
                    _meant(name, [*self.nodes, *groups]) or "petrel fleet list shows them.",
                )
        return list((found if names else self.nodes).values())


def load(path: Path) -> Plan:
    """Read a fleet.toml; raises ToolError that names the file, the place and what may be there."""
    try:
        said = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ToolError(
            f"there is no {path}", "Begin one: petrel fleet new --config my.json --board BOARD"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: {error}", "Correct that line; it must be TOML.") from error
    return _Reader(path, said).plan()


class _Reader:
    def __init__(self, path: Path, said: dict[str, Any]) -> None:
        self._path, self._said = path, said
        self._named: dict[str, str] = {}

    def plan(self) -> Plan:
        said = self._said
        for key in said:
            if key not in _TOP:
                self._refuse(f"there is no key {key!r}", _meant(key, _TOP) or _one_of(_TOP))
        values = self._table("values")
        groups = self._table("groups")
        nodes = self._table("nodes")
        self._name_values("values", values)
        for name, group in groups.items():
            self._is_name(f"groups.{name}", name)
            self._is_table(f"groups.{name}", group)
            self._name_values(f"groups.{name}", group, _OF_GROUP)
        made = {name: self._node(name, node, values, groups) for name, node in nodes.items()}
        self._no_id_twice(made)
        folder = self._path.parent
        return Plan(
            self._path, made, folder / self._text("secrets", said, "secrets.toml"),
            folder / self._text("out", said, "configs"), self._named,
        )  # fmt: skip

    def _node(self, name: str, own: Any, values: dict[str, Any], groups: dict[str, Any]) -> Node:
        place = f"nodes.{name}"
        self._is_name(place, name)
        self._is_table(place, own)
        self._name_values(place, own, _OF_NODE)
        group = self._text("group", own, "", place)
        if group and group not in groups:
            self._refuse(
                f"{place}.group: there is no group {group!r}",
                _meant(group, groups) or f"Begin one with [groups.{group}].",
            )
        shared = groups.get(group, {})
        layers = (self._said, shared, own)
        board = self._last("board", layers, place)
        if board not in boards.names():
            self._refuse(
                f"{place}: there is no board {board!r}" if board else f"{place} has no board",
                _meant(board, boards.names()) or _one_of(boards.names()),
            )
        template = self._last("template", layers, place)
        if not template:
            self._refuse(
                f"{place} has no template", 'Name one for all: template = "template.json".'
            )
        mine = {
            **values,
            **{key: value for key, value in shared.items() if key not in _OF_GROUP},
            **{key: value for key, value in own.items() if key not in _OF_NODE},
            **dict(zip(GIVEN, (name, group, board), strict=True)),
        }
        release = own.get("release", shared.get("release"))
        if release is not None and (type(release) is not int or release < 1):
            self._refuse(
                f"{place}.release: {release!r}", "Give the serial of a release, such as 12."
            )
        return Node(
            name, group, board, self._path.parent / template, self._board_id(place, own),
            release, mine,
        )  # fmt: skip

    def _board_id(self, place: str, own: dict[str, Any]) -> str:
        text = self._text("id", own, "", place)
        plain = re.sub(r"[:\- ]", "", text).lower()
        if text and not _ID.fullmatch(plain):
            self._refuse(
                f"{place}.id: {text!r} is not the id of a board",
                "It has 8 to 32 hex digits; petrel fleet deploy prints it.",
            )
        return plain

    def _no_id_twice(self, nodes: dict[str, Node]) -> None:
        by_id: dict[str, str] = {}
        for name, node in nodes.items():
            if node.id and node.id in by_id:
                self._refuse(
                    f"nodes.{name}.id: {node.id} is that of {by_id[node.id]} too",
                    "Each board has one node.",
                )
            by_id[node.id] = name

    def _name_values(
        self, place: str, table: dict[str, Any], others: tuple[str, ...] = ()
    ) -> None:
        for key in table:
            if key in others:
                continue
            if not re.fullmatch(r"[A-Za-z0-9_]+", key) or key in GIVEN:
                self._refuse(
                    f"{place}.{key}: a value can't have that name",
                    "Each node has that value already." if key in GIVEN
                    else "Take letters, digits and _.",
                )  # fmt: skip
            self._named.setdefault(key, f"{place}.{key}")

    def _last(self, key: str, layers: tuple[dict[str, Any], ...], place: str) -> str:
        found = ""
        for layer in layers:
            found = self._text(key, layer, found, place)
        return found

    def _text(self, key: str, table: dict[str, Any], default: str, place: str = "") -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            shown = f"{place}.{key}" if place else key
            self._refuse(f"{shown}: {value!r} is not a text", "Put it in quotes.")
        return str(value)

    def _table(self, key: str) -> dict[str, Any]:
        table = self._said.get(key, {})
        self._is_table(key, table)
        return dict(table)

    def _is_table(self, place: str, value: Any) -> None:
        if not isinstance(value, dict):
            self._refuse(f"{place} is not a table", f"Write it as [{place}] and lines below.")

    def _is_name(self, place: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            self._refuse(
                f"{place}: {name!r} can't be a name", "Take letters, digits, - and _, up to 64."
            )

    def _refuse(self, message: str, hint: str) -> None:
        raise ToolError(f"{self._path}: {message}", hint)


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {close[0]!r}?" if close else ""


def _one_of(known: Any) -> str:
    return f"There are {', '.join(known)}."
