"""The table, on the terminal and in docs/bench.md, and build/bench.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tools.bench.budgets import BUDGETS, Budget
from tools.bench.figures import CLIENTS, FIGURES, KEYS, KINDS, Figures, Kind
from tools.errors import ToolError

BEGIN = "<!-- written by make bench WRITE=1 -->"
END = "<!-- end -->"
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


def write_docs(path: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put the table between the marks of a file."""
    try:
        before, rest = path.read_text().split(begin)
        _, after = rest.split(end)
    except ValueError as error:
        raise ToolError(f"{path.name} lacks its marks", f"write {begin} and {end} once") from error
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
