"""`battery`: estimates how long a config lasts on a battery, and draws that.

The picture has a line for each board of that kind that somebody measured: how long it lasts,
depending on how often it wakes. tools.config.life does the arithmetic.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.config import life
from tools.config.check import of_wiring, read
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, ROOT

PAGE = ROOT / "docs" / "battery.md"
PICTURE = ROOT / "docs" / "battery.svg"
SHOWN = "ESP32_GENERIC"  # in the documentation
EVERY_S = (60, 300, 600, 1800, 3600, 14_400, 86_400)
EVERY = ("1 min", "5", "10", "30", "1 h", "4 h", "1 day")
LASTS_H = (24, 168, 730.5, 3 * 730.5, 12 * 730.5, 36 * 730.5, 120 * 730.5)
LASTS = ("1 day", "1 week", "1 month", "3 months", "1 year", "3 years", "10 years")
COLOURS = ("#1e7d46", "#1f6fb2", "#c0392b", "#7b2d8b")
DASHES = ("none", "10 4", "3 4", "12 4 3 4")  # the lines differ without colours, too
WIDTH, HEIGHT = 860, 430
LEFT, TOP, WIDE, TALL = 90, 60, 480, 300


def lines_of(facts: boards.Board, awake_ma: float | None, asleep_ua: float | None) -> list[
    tuple[str, float, float]
]:  # fmt: skip
    """(what, µA asleep, mA awake) of each board to compare; raises ToolError if there is none.

    awake_ma, asleep_ua: what the user measured, which replaces the measurements of others
    """
    known = life.measured(facts.petrel)
    if awake_ma is not None and asleep_ua is not None:
        return [("your board", asleep_ua, awake_ma)]
    found = [
        (each.of, each.asleep_ua if asleep_ua is None else asleep_ua, awake)
        for each in known
        if (awake := each.awake_ma if awake_ma is None else awake_ma) is not None
    ]
    if not found:
        both = "" if known or asleep_ua is not None else " and ASLEEP_UA="
        raise ToolError(
            f"nobody's measurement of {facts.id} awake with its network is known",
            f"Measure yours, and say AWAKE_MA={both} (petrel battery: --awake-ma).",
        )
    return found


def days_of(config: dict[str, object], **more: float) -> life.Days:
    """What a config that was checked says of its days."""
    section = config.get("sleep")
    if not isinstance(section, dict):
        return life.Days(**more)
    return life.Days(section["every"], section["awake"], **more)


def svg(
    title: str, cell: life.Cell, boards_: Sequence[tuple[str, float, float]], days: life.Days
) -> str:
    """The picture: how long each board lasts, over the time from one wake to the next."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 24, title, bold=True),
        _text(LEFT, 44, f"awake for {days.wake_s:g} s each time, {cell.words}, {cell.mah:,g} mAh"),
        *_axes(),
    ]
    ends = {}
    for i, (_, asleep, awake) in enumerate(boards_):
        steps = [60 * (86_400 / 60) ** (k / 40) for k in range(41)]
        lasts = [_lasts(cell, asleep, awake, replace(days, every=every)) for every in steps]
        at = [_at(every, hours) for every, hours in zip(steps, lasts, strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[i % 4]}" '
            f'stroke-width="2.5" stroke-dasharray="{DASHES[i % 4]}"/>'
        )
        ends[i] = at[-1][1]
        if days.every:
            x, y = _at(days.every, _lasts(cell, asleep, awake, days))
            lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[i % 4]}"/>')
    least = 0.0
    right = LEFT + WIDE
    for i in sorted(ends, key=ends.__getitem__):
        least = max(ends[i], least)
        lines.append(
            f'<path d="M{right + 2} {ends[i]:.1f} L{right + 16} {least:.1f}" fill="none" '
            f'stroke="{COLOURS[i % 4]}"/>'
        )
        lines.append(_text(right + 20, least + 4, boards_[i][0], COLOURS[i % 4]))
        least += 18
    return "\n".join([*lines, "</svg>"]) + "\n"


def _lasts(cell: life.Cell, asleep: float, awake: float, days: life.Days) -> float:
    return life.hours(cell, life.average_ma(asleep, awake, days))


def _axes() -> list[str]:
    lines = []
    bottom = TOP + TALL
    for hours, said in zip(LASTS_H, LASTS, strict=True):
        _, y = _at(60, hours)
        lines.append(f'<path d="M{LEFT} {y:.1f} H{LEFT + WIDE}" stroke="#d5d8dc"/>')
        lines.append(_text(LEFT - 8, y + 4, said, anchor="end"))
    for every, said in zip(EVERY_S, EVERY, strict=True):
        x, _ = _at(every, 24)
        lines.append(f'<path d="M{x:.1f} {bottom} V{bottom + 5}" stroke="#566573"/>')
        lines.append(_text(x, bottom + 20, said, anchor="middle"))
    lines.append(
        f'<path d="M{LEFT} {TOP} V{bottom} H{LEFT + WIDE}" fill="none" stroke="#566573"/>'
    )
    what = "from one wake to the next (sleep.every)"
    return [*lines, _text(LEFT + WIDE / 2, bottom + 44, what, anchor="middle")]


def _at(every: float, hours: float) -> tuple[float, float]:
    """The place of a point; both axes are logarithmic."""
    across = math.log(min(max(every, 60), 86_400) / 60) / math.log(1440)
    least, most = math.log(LASTS_H[0]), math.log(LASTS_H[-1])
    up = (math.log(min(max(hours, LASTS_H[0]), LASTS_H[-1])) - least) / (most - least)
    return LEFT + WIDE * across, TOP + TALL * (1 - up)


def _text(
    x: float, y: float, text: str, fill: str = "#1c2833", anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    said = text.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{weight}>{said}</text>'
    )


def pages() -> dict[Path, str]:
    """The picture in the documentation: of the config that docs/battery.md begins with."""
    shown = re.search(r'^    ("sleep": \{.*\})$', PAGE.read_text(), re.M)
    assert shown, "docs/battery.md shows a config"
    facts = boards.load(SHOWN)
    days = days_of(json.loads("{" + shown[1] + "}"))
    text = svg(
        "How long does an ESP32 last?", life.CELLS["18650"], lines_of(facts, None, None), days
    )
    return {PICTURE: text}


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--battery", default="18650", show_default=True, type=click.Choice([*life.CELLS]),
    help="which battery",
)  # fmt: skip
@click.option("--capacity", type=click.FloatRange(10), help="its capacity in mAh")
@click.option(
    "--seconds", default=life.WAKE_S, show_default=True, type=click.FloatRange(0.2, 3600),
    help="awake in each wake; a node prints it: was awake for ... ms",
)  # fmt: skip
@click.option(
    "--failed", default=life.FAILED * 100, show_default=True, type=click.FloatRange(0, 100),
    help="of 100 wakes, in which it is awake for sleep.awake",
)  # fmt: skip
@click.option("--awake-ma", type=click.FloatRange(0.1), help="what your board takes awake, in mA")
@click.option("--asleep-ua", type=click.FloatRange(0), help="what it takes asleep, in µA")
@click.option(
    "--extra-ua", default=0.0, type=click.FloatRange(0),
    help="what sensors and dividers take all the time, in µA",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=BUILD / "battery.svg",
    help="the picture  [default: build/battery.svg]",
)  # fmt: skip
def command(
    board: str,
    config: Path,
    battery: str,
    capacity: float | None,
    seconds: float,
    failed: float,
    awake_ma: float | None,
    asleep_ua: float | None,
    extra_ua: float,
    out: Path,
) -> None:
    """Estimate how long CONFIG lasts on a battery on BOARD, and draw it.

    The currents are those that people measured on boards of that kind. Boards differ by a factor
    of a thousand while they sleep: measure yours, and say --asleep-ua and --awake-ma.
    """
    facts = boards.load(board)
    faults, _ = of_wiring(config, board)
    if faults:
        raise ToolError(f"{board} would refuse {config}", "\n  ".join(faults))
    cell = life.CELLS[battery]
    cell = replace(cell, mah=capacity) if capacity else cell
    days = days_of(read(config), wake_s=seconds, failed=failed / 100, extra_ua=extra_ua)
    compared = lines_of(facts, awake_ma, asleep_ua)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{cell.words}, {cell.mah:,g} mAh, of which {life.USED:.0%} are used")
    if days.every:
        console.print(
            f"a wake every {days.every:,g} s for {seconds:g} s; in {failed:g} of 100 it fails and "
            f"takes {max(days.limit_s, seconds):g} s"
        )
    else:
        console.print('it never sleeps. For months add "sleep": {"every": 600, "awake": 20}')
    table = Table("", "asleep", "awake", "on average", "of it awake", "lasts", box=None)
    for name, asleep, awake in compared:
        mean = life.average_ma(asleep, awake, days)
        table.add_row(
            escape(name), life.current(asleep / 1000), life.current(awake), life.current(mean),
            f"{life.share_awake(asleep, awake, days):.0%}",
            f"[bold]{life.words(life.hours(cell, mean))}[/]",
        )  # fmt: skip
    console.print(table)
    for source in dict.fromkeys(each.source for each in life.measured(facts.petrel)):
        if compared[0][0] != "your board":
            console.print(f"measured by others: {escape(source)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(svg(f"How long does {config.name} last on {board}?", cell, compared, days))
    console.print(f"{out}: open it in a browser")
