"""How long a battery lasts: from a board's currents, its config, and what a wake takes.

The currents are those that people have measured, in boards/*/board.json with the page where they
stand. The rest is arithmetic. What it leaves out: the cold, the age of the cell, and sensors that
go on drawing current while the board sleeps, unless they are given as `extra_ua`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HOURS_PER_MONTH = 730.5
DAY_H = 24
USED = 0.85  # of the capacity: the rest is for the cold, ageing, and a cell that isn't run dry
# Seconds awake when all goes well, unless the node's own figure is given.
WAKE_S = 5.0
FAILED = 0.02  # of the wakes: the network or the broker can't be reached


@dataclass(frozen=True)
class Cell:
    """A battery: what it is, its charge in mAh, and the share that it loses in a month."""

    words: str
    mah: float
    loss: float


# Typical ones. What a cell at hand holds stands on it.
CELLS = {
    "18650": Cell("a Li-ion cell 18650", 3000, 0.02),
    "lifepo4": Cell("a LiFePO4 cell 18650", 1500, 0.02),
    "aa3": Cell("three alkaline AA in series", 2500, 0.003),
}


@dataclass(frozen=True)
class Measured:
    """What somebody measured of one board: asleep, and awake with Wi-Fi. Its source is a page."""

    of: str
    asleep_ua: float
    awake_ma: float | None
    source: str


@dataclass(frozen=True)
class Days:
    """What a node does: each `every` s it is awake for `wake_s`, or for `limit_s` if it fails.

    every: 0: it never sleeps
    """

    every: float = 0.0
    limit_s: float = 0.0
    wake_s: float = WAKE_S
    failed: float = FAILED
    extra_ua: float = 0.0

    def awake_s(self) -> float:
        """Seconds awake in a cycle, on average."""
        long = max(self.limit_s, self.wake_s)
        return min(self.every, (1 - self.failed) * self.wake_s + self.failed * long)


def measured(petrel: dict[str, Any]) -> list[Measured]:
    """The measured currents of a board, from its board.json."""
    return [
        Measured(each["of"], each["asleep_ua"], each.get("awake_ma"), each["source"])
        for each in petrel.get("currents", ())
    ]


def average_ma(asleep_ua: float, awake_ma: float, days: Days) -> float:
    """The current on average."""
    if not days.every:
        return awake_ma + days.extra_ua / 1000
    awake = days.awake_s() / days.every
    return awake * awake_ma + (1 - awake) * asleep_ua / 1000 + days.extra_ua / 1000


def share_awake(asleep_ua: float, awake_ma: float, days: Days) -> float:
    """The share of the charge that goes while it is awake, 0 to 1."""
    if not days.every:
        return 1.0
    awake = days.awake_s() / days.every * awake_ma
    return awake / average_ma(asleep_ua, awake_ma, days)


def hours(cell: Cell, mean_ma: float) -> float:
    """How long a cell lasts, which also loses charge by itself."""
    itself = cell.mah * cell.loss / HOURS_PER_MONTH
    return cell.mah * USED / (mean_ma + itself)


def words(lasts_h: float) -> str:
    """A time as one says it, no more exact than it is known."""
    months = lasts_h / HOURS_PER_MONTH
    for number, unit in (
        (months / 12, "years"), (months, "months"), (lasts_h / DAY_H, "days"), (lasts_h, "hours"),
    ):  # fmt: skip
        if number >= 2:
            return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"
    return f"{lasts_h:.1f} hours"


def current(ma: float) -> str:
    """A current in its usual unit."""
    return f"{ma:.3g} mA" if ma >= 1 else f"{ma * 1000:.3g} µA"
