"""Makes a config of a template: JSON, with what people know from ESPHome.

    "${name}"            a value; alone in its quotes it keeps its type
    "!include file"      another file's content; its path begins at the file that names it
    "!secret name"       a secret
    "<<"                 a table whose keys are put beside the others, which win

In a list, an included list of tables is put in place, and so is a value that is one.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.fleet.secrets import Secret
from tools.shared.errors import ToolError

_VARIABLE = re.compile(r"\$?\$\{([^{}]*)\}")
_ALONE = re.compile(r"\$\{([^{}]*)\}")
_TAG = re.compile(r"!(inc|sec)\w*\b")
_INCLUDE, _SECRET, _MERGE = "!include", "!secret", "<<"
_DEEPEST = 20


class Templates:
    """Files that are read once.

    secret: gives the secret of a name
    used: the names of the values that were used
    """

    def __init__(self, secret: Callable[[str], Secret]) -> None:
        self.used: set[str] = set()
        self._secret = secret
        self._read: dict[Path, Any] = {}

    def render(self, path: Path, values: Mapping[str, Any]) -> Any:
        """The config of a template with these values; raises ToolError that says where."""
        return _Rendering(self, path, values).all()

    def secret(self, name: str) -> Secret:
        """The secret of a name."""
        return self._secret(name)

    def read(self, path: Path) -> Any:
        """The content of a file."""
        if path not in self._read:
            try:
                self._read[path] = json.loads(path.read_text("utf-8-sig"))
            except OSError as error:
                raise ToolError(f"{path}: {error.strerror}", "Correct its name.") from error
            except UnicodeDecodeError as error:
                raise ToolError(f"{path} is not UTF-8", "Save it as UTF-8.") from error
            except json.JSONDecodeError as error:
                raise ToolError(
                    f"{path}: line {error.lineno}, column {error.colno}: {error.msg}",
                    "Correct that line; a template is JSON.",
                ) from error
        return self._read[path]


class _Rendering:
    """One config in the making. depth: how many includes and values stand around a value."""

    def __init__(self, files: Templates, path: Path, values: Mapping[str, Any]) -> None:
        self._files, self._path, self._values = files, path, values

    def all(self, depth: int = 0) -> Any:
        return self._of(self._files.read(self._path), "", depth)

    def _of(self, value: Any, place: str, depth: int) -> Any:
        if depth > _DEEPEST:
            self._refuse(place, "it leads back to itself", "Break the circle.")
        if isinstance(value, str):
            return self._text(value, place, depth)
        if isinstance(value, list):
            return self._list(value, place, depth)
        if isinstance(value, dict):
            return self._table(value, place, depth)
        return value

    def _list(self, items: list[Any], place: str, depth: int) -> list[Any]:
        made: list[Any] = []
        for number, item in enumerate(items):
            got = self._of(item, f"{place}[{number}]", depth)
            in_place = isinstance(got, list) and not isinstance(item, list)
            if in_place and all(isinstance(each, dict) for each in got):
                made += got
            else:
                made.append(got)
        return made

    def _table(self, table: dict[str, Any], place: str, depth: int) -> Any:
        if _INCLUDE in table:
            return self._include_with(table, place, depth)
        made: dict[str, Any] = {}
        for key, value in table.items():
            inner = f"{place}.{key}" if place else key
            got = self._of(value, inner, depth)
            if key != _MERGE:
                made[key] = got
                continue
            for each in got if isinstance(got, list) else [got]:
                if not isinstance(each, dict):
                    self._refuse(inner, "what is merged is not a table", "Include a table.")
                made |= {name: what for name, what in each.items() if name not in table}
        return made

    def _include_with(self, table: dict[str, Any], place: str, depth: int) -> Any:
        """{"!include": "file", "vars": {...}}"""
        more = self._of(table.get("vars", {}), f"{place}.vars", depth)
        name = table[_INCLUDE]
        if {*table} - {_INCLUDE, "vars"} or not isinstance(more, dict) or type(name) is not str:
            self._refuse(
                place, "an include has other keys", 'Write {"!include": "file", "vars": {...}}.'
            )
        return self._include(self._filled(name, place, depth), place, depth, more)

    def _text(self, text: str, place: str, depth: int) -> Any:
        if alone := _ALONE.fullmatch(text):
            return self._value(alone[1], place, depth)
        if not _TAG.match(text):
            return self._filled(text, place, depth)
        tag, _, rest = text.partition(" ")
        rest = self._filled(rest.strip(), place, depth)
        if tag == _INCLUDE and rest:
            return self._include(rest, place, depth, {})
        if tag == _SECRET and rest:
            return self._files.secret(rest)
        self._refuse(
            place, f"{tag!r} and a name is expected", 'Write "!include file" or "!secret name".'
        )

    def _include(self, name: str, place: str, depth: int, more: Mapping[str, Any]) -> Any:
        path = self._path.parent / name
        if not path.is_file():
            self._refuse(
                place, f"there is no file {path}", "Its path begins at this file's folder."
            )
        inner = _Rendering(self._files, path, {**self._values, **more})
        return inner.all(depth + 1)

    def _value(self, name: str, place: str, depth: int) -> Any:
        if name not in self._values:
            close = difflib.get_close_matches(name, self._values, 1)
            node = self._values.get("node", "this node")
            self._refuse(
                place, f"there is no value {name!r} for {node}",
                f"Did you mean {close[0]!r}?" if close
                else f"Give it in fleet.toml, in [values], its group or its node: {name} = ...",
            )  # fmt: skip
        self._files.used.add(name)
        return self._of(self._values[name], place, depth + 1)

    def _filled(self, text: str, place: str, depth: int) -> str:
        """A text with the values in it; a Secret if one of them is."""
        secret = ""

        def one(found: re.Match[str]) -> str:
            nonlocal secret
            if found[0].startswith("$$"):
                return found[0][1:]
            value = self._value(found[1], place, depth)
            if isinstance(value, dict | list) or value is None:
                self._refuse(
                    place,
                    f"the value {found[1]!r} is not a text or a number",
                    "Let it stand alone.",
                )
            if isinstance(value, Secret):
                secret = value.name
            return value if isinstance(value, str) else json.dumps(value)

        made = _VARIABLE.sub(one, text)
        return Secret(made, secret) if secret else made

    def _refuse(self, place: str, message: str, hint: str) -> Any:
        raise ToolError(f"{self._path}: {place or 'the file'}: {message}", hint)


def masked(value: Any) -> Any:
    """The same with each secret replaced by a text of the same kind, which may be shown."""
    if isinstance(value, Secret):
        return "".join(
            "1" if each.isdigit() else each if each in ".:/-_" else "x" for each in value
        )
    if isinstance(value, list):
        return [masked(each) for each in value]
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    return value
