"""Models of what is wired to the pins: where an input's voltage or level comes from."""

from __future__ import annotations

import csv
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.shared.errors import ToolError

Source = Callable[[], float]  # volts, now

SHAPES: dict[str, Callable[[float], float]] = {  # phase 0..1 -> 0..1
    "sine": lambda p: 0.5 - 0.5 * math.cos(2 * math.pi * p),
    "triangle": lambda p: 2 * p if p < 0.5 else 2 - 2 * p,
    "square": lambda p: 1.0 if p < 0.5 else 0.0,
    "saw": lambda p: p,
}


def source(model: dict[str, Any]) -> Source:
    """The voltage that a model describes; raises ToolError for what there is no model of."""
    kinds: dict[str, Callable[..., Source]] = {
        "constant": _constant,
        "waveform": _waveform,
        "csv": _csv,
        "host": _host,
    }
    kind = str(model.get("model"))
    if kind not in kinds:
        raise ToolError(f"no model {kind!r}", f"there are {', '.join(kinds)}")
    options = {key: value for key, value in model.items() if key != "model"}
    try:
        return kinds[kind](**options)
    except TypeError as error:
        raise ToolError(f"model {kind}: {str(error).rpartition('() ')[2]}") from error


def _constant(volts: float = 0.0) -> Source:
    """The same voltage always."""
    return lambda: volts


def _waveform(
    shape: str = "sine",
    period_s: float = 60.0,
    low_v: float = 0.2,
    high_v: float = 3.0,
    noise_v: float = 0.0,
    seed: int = 1,
) -> Source:
    """A periodic voltage with Gaussian noise; by itself within what an ESP32's input can tell."""
    if shape not in SHAPES:
        raise ToolError(f"no shape {shape!r}", f"there are {', '.join(SHAPES)}")
    chance = random.Random(seed)

    def volts() -> float:
        level = SHAPES[shape](time.monotonic() / period_s % 1)
        return low_v + (high_v - low_v) * level + chance.gauss(0, noise_v)

    return volts


def _csv(file: str, column: str, rate: float = 1.0, scale: float = 1.0) -> Source:
    """A recording: `rate` rows a second, over and over, each times `scale` volts."""
    with Path(file).open(newline="", encoding="utf-8-sig") as handle:
        table = csv.DictReader(handle)
        try:
            rows = [float(row[column]) for row in table]
        except (KeyError, TypeError, ValueError) as error:
            where = f"{file}:{table.line_num}"
            raise ToolError(f"{where}: no number in the column {column!r}") from error
    if not rows:
        raise ToolError(f"{file} has no rows")
    began = time.monotonic()
    return lambda: rows[int((time.monotonic() - began) * rate) % len(rows)] * scale


def columns(file: str) -> list[str]:
    """The names of a CSV file's columns; none if it is not one. Raises OSError."""
    try:
        with Path(file).open(newline="", encoding="utf-8-sig") as handle:
            return [each for each in next(csv.reader(handle), []) if each]
    except (UnicodeDecodeError, csv.Error):
        return []


def _host(figure: str = "load", scale: float = 1.0, offset: float = 0.0) -> Source:
    """A live figure of this computer, times `scale` volts, above `offset` volts."""
    if figure not in HOST_FIGURES:
        raise ToolError(
            f"no figure {figure!r} of the host", f"there are {', '.join(HOST_FIGURES)}"
        )
    read = HOST_FIGURES[figure]
    return lambda: offset + read() * scale


def _load() -> float:
    """Processes that run or wait, averaged over a minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def _memory() -> float:
    """Share of the memory in use, 0 to 1."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    fields = {words[0]: float(words[1]) for words in lines}
    return 1 - fields["MemAvailable:"] / fields["MemTotal:"]


def _temperature() -> float:
    """Degrees Celsius of the first thermal zone; the load in its place where there is none."""
    for zone in sorted(Path("/sys/class/thermal").glob("thermal_zone*/temp")):
        try:
            return int(zone.read_text()) / 1000
        except (OSError, ValueError):
            continue
    return _load()


HOST_FIGURES: dict[str, Callable[[], float]] = {
    "load": _load,
    "memory": _memory,
    "temperature": _temperature,
}
