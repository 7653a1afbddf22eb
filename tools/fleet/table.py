"""Nodes from a CSV file, such as a spreadsheet saves: a row for each, a column for each value."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from tools.shared.errors import ToolError

NAME = ("node", "name")  # what the column of the names may be called
_TEXT = ("group", "board", "template", "id")  # columns that are never numbers
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?")
_KEY = re.compile(r"[A-Za-z0-9_]+")


def nodes(path: Path) -> dict[str, dict[str, str]]:
    """For each node of a CSV file its values, as they are written in TOML; raises ToolError."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8", 'Save it as "CSV UTF-8".') from error
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)  # a spreadsheet takes what its country does
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    titles = [title.strip() for title in next(rows, [])]
    at = _column(path, titles)
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        where = f"{path}, line {rows.line_num}"
        if len(cells) > len(titles):
            raise ToolError(
                f"{where} has {len(cells)} columns, and the first line has {len(titles)}",
                "Put a text that has a comma into quotes.",
            )
        name = cells[at] if at < len(cells) else ""
        if not name:
            raise ToolError(f"{where} has no {titles[at]}", "Give each node a name.")
        if name in found:
            raise ToolError(f"{where}: {name} is there twice", "Give each node its own name.")
        found[name] = {
            title: _toml(title, cell)
            for title, cell in zip(titles, cells, strict=False)
            if title != titles[at] and cell
        }
    return found


def toml(found: dict[str, dict[str, str]]) -> str:
    """The nodes as lines for the end of a fleet.toml."""
    lines = []
    for name, values in found.items():
        lines.append(
            f"\n[nodes.{name if re.fullmatch(r'[A-Za-z0-9_-]+', name) else quoted(name)}]"
        )
        lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _column(path: Path, titles: list[str]) -> int:
    """Which column has the names; raises ToolError for a heading that is not one."""
    at = next((titles.index(name) for name in NAME if name in titles), None)
    if at is None:
        raise ToolError(
            f"{path}: the first line has no column {NAME[0]}",
            "It must name the columns, such as: node,group,pin",
        )
    for number, title in enumerate(titles):
        if not _KEY.fullmatch(title):
            raise ToolError(
                f"{path}: column {number + 1} is named {title!r}",
                "Take letters, digits and _: the name of a value.",
            )
        if titles.index(title) != number:
            raise ToolError(f"{path}: there are two columns {title!r}", "Rename one of them.")
    return at


def _toml(title: str, cell: str) -> str:
    if title not in _TEXT and (_NUMBER.fullmatch(cell) or cell in ("true", "false")):
        return cell
    return quoted(cell)


def quoted(text: str) -> str:
    """A text as TOML has it: what JSON escapes, TOML reads, except DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
