"""`calibrate`: asks a node what a sensor measures and a person what is true; writes the filter.

What a node answers has passed the sensor's filters. Their lines are run through backwards, so that
what counts is the value before the calibration.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from tools.config.difference import shown
from tools.shared.errors import ToolError
from tools.shared.paths import LIB, MICROPYTHON
from tools.talk.connection import Address, options
from tools.talk.dialog import Dialog, check_name, hint
from tools.talk.readings import parse

READS = 5  # for a point; the median counts
BETWEEN_S = 0.3  # a node takes five commands a second
_OWN = ("calibrate", "linear", "offset")
# What the board's own code says of a sensor.
_ABOUT = """
import json, sys
from node.config import fields
from sensors.filters import effects
entry = json.loads(sys.stdin.read())
given = fields.of(entry["driver"], entry)
filters = entry.get("filters", ())
places = range(len(filters) + 1)
units = [[about[1] for about in effects.fields(given, filters[:i])] for i in places]
ways = {}
for i, each in enumerate(filters):
    for j, about in enumerate(given):
        if "to" in each:
            ways["%d %d" % (i, j)] = effects.convert(units[i][j], each["to"])
print(json.dumps([[about[0] for about in given], units, ways]))
"""

Points = list[list[float]]  # [measured, true]


@dataclass(frozen=True)
class Sensor:
    """A sensor of a config, and the field that is to be calibrated.

    entry: its part of the config; fields, units: their names, and their units before each filter
    ways: (filter, field) as text -> how it converts the unit
    """

    entry: dict[str, Any]
    fields: list[str]
    units: list[list[str]]
    ways: dict[str, list[float] | None]
    index: int

    @property
    def filters(self) -> list[dict[str, Any]]:
        """Its filters, in their order."""
        return list(self.entry.get("filters", ()))

    def mine(self, each: dict[str, Any]) -> bool:
        """Whether a filter is for the field."""
        field = self.fields[self.index]
        return bool(each.get("field", field) == field)

    def calibrates(self, each: dict[str, Any]) -> bool:
        """Whether a filter is what this command writes, and replaces."""
        return self.mine(each) and any(kind in each for kind in _OWN)

    @property
    def place(self) -> int:
        """Where the calibration stands among the filters, or is to stand."""
        found = [i for i, each in enumerate(self.filters) if self.calibrates(each)]
        return found[0] if found else 0

    @property
    def unit(self) -> str:
        """The unit before the calibration."""
        return self.units[self.place][self.index]

    def raw(self, value: float) -> float:
        """What was measured, of a value behind the filters."""
        steps = list(enumerate(self.filters))[self.place :]
        for i, each in reversed(steps):
            if self.mine(each):
                value = self._before(i, each, value)
        return value

    def _before(self, i: int, each: dict[str, Any], value: float) -> float:
        factor, added = 1.0, 0.0
        if "calibrate" in each:
            return across([[y, x] for x, y in each["calibrate"]], value)
        if "to" in each:
            factor, added = self.ways.get(f"{i} {self.index}") or (1.0, 0.0)
        elif "linear" in each:
            factor, added = each["linear"]
        elif "invert" in each:
            factor, added = -1.0, 1.0
        else:
            factor, added = each.get("multiply", 1.0), each.get("offset", 0.0)
        if not factor:
            raise ToolError(
                f"a filter of {self.entry['name']} makes every value {added:g}",
                "Take it out of its filters, and send that config to the node.",
            )
        return float((value - added) / factor)

    def hides(self) -> list[str]:
        """The filters that stand between what is measured and what the node answers."""
        return [
            kind
            for each in self.filters[self.place :]
            if self.mine(each)
            for kind in each
            if kind in ("average", "smooth", "slew", "debounce", "clamp", "median")
        ]

    def calibrated(self, new: dict[str, Any]) -> list[dict[str, Any]]:
        """The filters with a calibration in place of the one before."""
        if len(self.fields) > 1:
            new = {**new, "field": self.fields[self.index]}
        filters, at = self.filters, self.place
        return [
            *filters[:at],
            new,
            *(each for each in filters[at:] if not self.calibrates(each)),
        ]


def across(points: Points, value: float) -> float:
    """A value on the straight lines through points, and on beyond the last."""
    points = sorted(points)
    pairs = list(pairwise(points))
    (x0, y0), (x1, y1) = next((pair for pair in pairs if value <= pair[1][0]), pairs[-1])
    return y0 + (y1 - y0) * (value - x0) / (x1 - x0) if x1 != x0 else y0


def filter_of(points: Points, line: bool) -> dict[str, Any]:
    """The filter that makes of what was measured what is true.

    line: one straight line through all of them
    """
    points = [[_short(x), _short(y)] for x, y in sorted(points)]
    if len(points) == 1:
        return {"offset": _short(points[0][1] - points[0][0])}
    if not line:
        return {"calibrate": points}
    xs, ys = zip(*points, strict=True)
    slope, at = statistics.linear_regression(xs, ys)
    return {"linear": [_short(slope), _short(at)]}


def _short(value: float) -> float:
    """A number with the six digits that a board's float has for certain."""
    return float(f"{value:.6g}")


def rewritten(text: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """The text of a config with another entry in place of one; all else stays as it is written."""
    decoder = json.JSONDecoder()
    for at, char in enumerate(text):
        if char != "{":
            continue
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:  # within a text
            continue
        if found == old:
            lines = "\n" in text[at:end]
            put = json.dumps(new, indent=2 if lines else None, ensure_ascii=False)
            line = text[text.rfind("\n", 0, at) + 1 : at]
            margin = line[: len(line) - len(line.lstrip())]
            return text[:at] + put.replace("\n", "\n" + margin) + text[end:]
    raise ValueError("no such entry")


def sensor_of(config: dict[str, Any], name: str) -> Sensor:
    """The sensor, or sensor/field, of a config."""
    whose, _, field = name.partition("/")
    entries = {each["name"]: each for each in config.get("sensors", ()) if "name" in each}
    if whose not in entries:
        raise ToolError(
            f"the config has no sensor {whose!r}", f"It has {', '.join(sorted(entries))}."
        )
    done = subprocess.run(
        [str(MICROPYTHON["64"]), "-c", _ABOUT],
        env={**os.environ, "MICROPYPATH": f"{LIB}:.frozen"},
        input=json.dumps(entries[whose]), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise ToolError(
            f"the filters of {whose} can't be used", "make check says what is wrong with them."
        )
    fields, units, ways = json.loads(done.stdout)
    if len(fields) > 1 and field not in fields:
        raise ToolError(
            f"{whose} has several values",
            "Say which: " + " or ".join(f"{whose}/{each}" for each in fields) + ".",
        )
    index = fields.index(field) if field in fields else 0
    return Sensor(entries[whose], fields, units, ways, index)


def measure(dialog: Dialog, sensor: Sensor, secret: str, wait: float) -> float:
    """What the sensor measures now: the median of a few readings."""
    name = sensor.entry["name"]
    found = []
    for i in range(READS):
        if i:
            time.sleep(BETWEEN_S)  # or the node would fall silent
        reply = dialog.ask("read", name, wait)
        answer = parse(reply)
        values = answer.get("values", {}).get(name) if isinstance(answer, dict) else None
        if isinstance(values, list):
            values = values[sensor.index]
        if isinstance(values, bool) or not isinstance(values, int | float):
            raise ToolError(
                f"{dialog.name} did not read {name}: {reply}",
                hint(reply, bool(secret)) if "sign" in reply else "make doctor says more.",
            )
        found.append(sensor.raw(values))
    return statistics.median(found)


def ask(console: Console, dialog: Dialog, sensor: Sensor, secret: str, wait: float) -> Points:
    """Points [measured, true], as the person enters them."""
    points: Points = []
    while True:
        measured = measure(dialog, sensor, secret, wait)
        console.print(f"It measures [bold]{measured:.6g}[/] {escape(sensor.unit)}".rstrip())
        text = click.prompt("True value (empty: measure again; done)", "", show_default=False)
        word = text.strip().lower()
        if word == "done":
            return points
        if not word:
            continue
        try:
            true = float(word.replace(",", "."))
        except ValueError:
            true = math.nan
        if not abs(true) <= 1e9:
            console.print(f"[yellow]{escape(text)} is not a number.[/] Leave the unit out.")
            continue
        if any(_short(measured) == _short(x) for x, _ in points):
            console.print(
                "[yellow]It measured that before.[/] The new value replaces the old one."
            )
            points = [each for each in points if _short(each[0]) != _short(measured)]
        points.append([measured, true])
        if len(points) == 32:
            console.print("32 points are the most that a node takes.")
            return points


@click.command()
@click.argument("node")
@click.argument("sensor", metavar="SENSOR")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="CONFIG")
@click.option("--line", is_flag=True, help="one straight line through all points")
@click.option("--yes", is_flag=True, help="write the file without a question")
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option(
    "--wait", default=10.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="seconds for a reply",
)  # fmt: skip
def command(
    node: str,
    sensor: str,
    file: Path,
    line: bool,
    yes: bool,
    broker: Address,
    base: str,
    wait: float,
) -> None:
    """Calibrate SENSOR of NODE, and write that into CONFIG, the node's config.

    Bring the sensor into a known condition, enter what is true there, and go on with the next one;
    enter "done" at the end. One point becomes an offset, more become a table with straight
    lines in between. SENSOR is sensor/field where it has several values. CONFIG has to be what
    the node runs with. If its config has a commands.secret, give that in the environment, as
    PETREL_SECRET.
    """
    console = Console(highlight=False, soft_wrap=True)
    secret = os.environ.get("PETREL_SECRET", "")
    check_name("NODE", node, "greenhouse")
    if not file.is_file():
        raise ToolError(
            f"there is no file {str(file)!r}", "Give the config of the node, as CONFIG=my.json."
        )
    text = file.read_text("utf-8-sig")
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ToolError(f"{file} is not JSON: {error}", "make check says where.") from None
    if not isinstance(config, dict):
        raise ToolError(f"{file} is not a config", "It has to be an object, {...}.")
    found = sensor_of(config, sensor)
    if hidden := found.hides():
        console.print(
            f"[yellow]Its values pass {', '.join(hidden)}:[/] wait until they have settled, "
            "and stay inside the limits of a clamp."
        )
    with Dialog(broker, base, node, secret) as dialog:
        points = ask(console, dialog, found, secret, wait)
    if not points:
        click.echo("Nothing to write.")
        return
    old = found.entry
    new = {**old, "filters": found.calibrated(filter_of(points, line))}
    for each in shown(old, new):
        click.echo(each)
    if not yes:
        click.confirm(f"Write it into {file}?", abort=True)
    written = file.with_name(file.name + ".new")
    written.write_text(rewritten(text, old, new))
    written.replace(file)
    click.echo(f"Written. make config NODE={node} FILE={file} sends it to the node.")
