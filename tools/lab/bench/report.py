"""The tables, on the terminal and in docs/bench.md, and the files in build/."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tools.lab.bench.anatomy import Anatomy
from tools.lab.bench.budgets import BUDGETS, Budget
from tools.lab.bench.figures import CLIENTS, FIGURES, KEYS, KINDS, Figures, Kind
from tools.shared.errors import ToolError

BEGIN = "<!-- written by make bench WRITE=1 -->"
END = "<!-- end -->"
BEGIN_MODULES = "<!-- modules, written by make bench WRITE=1 -->"
END_MODULES = "<!-- end of the modules -->"
# The columns of the modules' tables: the heads, and what of a part stands below them.
MODULE_COLUMNS = {
    "RAM": "total",
    "ROMFS": "rom",
    "opcodes": "opcodes",
    "names": "names",
    "tables": "name_table",
    "texts": "constants",
    "functions": "functions",
    "dicts": "dicts",
    "lines": "lines",
    "rest": "rest",
}
PAHO = "paho"


def shown(value: float | None) -> str:
    """A figure for people."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def bound(budget: Budget, value: float | None, raw: float | None) -> str:
    """A budget; if it is a part of the floor's figure, behind what part the figure is."""
    if not budget.of_raw:
        return str(budget)
    part = f"{value / raw:.2f} " if value and raw else ""
    return f"{part}{budget} raw"


def table(figures: Mapping[Kind, Figures], paho: Mapping[str, float], notes: str) -> Table:
    """The figures beside the floor, the peer and the budgets; green is met, red is missed."""
    result = Table(title="Petrel's MQTT clients", title_justify="left", box=SIMPLE_HEAD)
    result.pad_edge, result.collapse_padding = False, True
    result.caption, result.caption_justify = notes, "left"
    result.add_column("")
    result.add_column("raw", justify="right", no_wrap=True)
    result.add_column(PAHO, justify="right", no_wrap=True)
    for kind in CLIENTS:
        result.add_column(kind.value, justify="right", no_wrap=True)
        result.add_column("budget", justify="right", style="dim")
    for figure in FIGURES:
        raw = figures[Kind.RAW][figure.key]
        cells = [Text(shown(raw)), Text(shown(paho.get(figure.key)))]
        for kind in CLIENTS:
            value, budget = figures[kind][figure.key], BUDGETS[kind][figure.key]
            style = "" if value is None else "green" if budget.met(value, raw) else "red"
            cells += [Text(shown(value), style), Text(bound(budget, value, raw))]
        result.add_row(figure.words, *cells)
    return result


def markdown(figures: Mapping[Kind, Figures], paho: Mapping[str, float], notes: str) -> str:
    """The same for docs/bench.md; what misses its budget is bold."""
    lines = [
        f"| | raw | {PAHO} | blocking | budget | asyncio | budget |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in FIGURES:
        raw = figures[Kind.RAW][figure.key]
        cells = [figure.words, shown(raw), shown(paho.get(figure.key))]
        for kind in CLIENTS:
            value, budget = figures[kind][figure.key], BUDGETS[kind][figure.key]
            text = shown(value)
            missed = value is not None and not budget.met(value, raw)
            cells += [f"**{text}**" if missed else text, bound(budget, value, raw)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", notes])


def module_rows(anatomy: Anatomy) -> list[list[str]]:
    """A row for each module, and one of the sums."""
    keys = MODULE_COLUMNS.values()
    rows = [[each.name, *[f"{getattr(each, key):,}" for key in keys]] for each in anatomy.parts]
    sums = [sum(getattr(each, key) for each in anatomy.parts) for key in keys]
    return [*rows, ["all", *[f"{each:,}" for each in sums]]]


def module_notes(anatomy: Anatomy) -> str:
    """What is to be said below the table of modules."""
    functions = sum(each.function_count for each in anatomy.parts)
    late = [" to ".join(each.rsplit(" ", 1)) for each in anatomy.late]
    return (
        f"{functions} functions, {anatomy.names} names that the ROM lacks. "
        f"Instances whose dict is exactly full: {', '.join(anatomy.full) or 'none'}. "
        f"Instances that get attributes after `__init__`: {', '.join(late) or 'none'}."
    )


def modules(anatomies: Mapping[Kind, Anatomy]) -> Iterator[Table]:
    """What the bytes of each module are, a table for each client."""
    for kind, anatomy in anatomies.items():
        result = Table(title=f"{kind}: bytes of RAM", title_justify="left", box=SIMPLE_HEAD)
        result.pad_edge, result.collapse_padding = False, True
        result.caption, result.caption_justify = module_notes(anatomy), "left"
        result.add_column("", no_wrap=True)
        for head in MODULE_COLUMNS:
            result.add_column(head, justify="right", no_wrap=True)
        *rows, last = module_rows(anatomy)
        for row in rows:
            result.add_row(*row)
        result.add_section()
        result.add_row(*last)
        yield result


def modules_markdown(anatomies: Mapping[Kind, Anatomy]) -> str:
    """The same for docs/bench.md."""
    said = []
    for kind, anatomy in anatomies.items():
        said += [f"| {kind} | {' | '.join(MODULE_COLUMNS)} |", "|---" * 11 + "|"]
        said += [f"| {' | '.join(row)} |" for row in module_rows(anatomy)]
        said += ["", module_notes(anatomy), ""]
    return "\n".join(said).rstrip()


def write_modules(path: Path, anatomies: Mapping[Kind, Anatomy]) -> None:
    """All that is known of each module, with its names."""
    data = {
        str(kind): {
            "names": anatomy.names,
            "full": anatomy.full,
            "late": anatomy.late,
            "modules": [{**asdict(each), "rest": each.rest} for each in anatomy.parts],
        }
        for kind, anatomy in anatomies.items()
    }
    path.write_text(json.dumps(data, indent=1) + "\n")


def write_docs(path: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the table between the marks of a file."""
    try:
        before, rest = path.read_text().split(begin)
        _, after = rest.split(end)
    except ValueError as error:
        raise ToolError(
            f"{path.name} has lost its marks", f"write {begin} and {end} once"
        ) from error
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def write_json(path: Path, figures: Mapping[Kind, Figures]) -> None:
    """All figures: an object of each kind, with the same keys in each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {str(kind): {key: _number(figures[kind][key]) for key in KEYS} for kind in KINDS}
    path.write_text(json.dumps(data, indent=2) + "\n")


def _number(value: float | None) -> float | None:
    """A whole number as such, others with one decimal."""
    if value is None:
        return None
    return int(value) if value == int(value) else round(value, 1)
