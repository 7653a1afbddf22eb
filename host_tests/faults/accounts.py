"""The books of a soak: what was accepted, what has arrived, and what stood in its way.

Values of a sensor rise by one, and begin a million higher at each start of its board.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

START = 1_000_000  # how much higher the values begin at each start


@dataclass
class Arrivals:
    """What has arrived of one sensor."""

    known: set[int] = field(default_factory=set)
    newest: int = 0
    duplicates: int = 0
    out_of_order: int = 0  # first arrivals that are older than one before

    def add(self, value: int) -> bool:
        """A value has arrived; returns True if it is new."""
        if value in self.known:
            self.duplicates += 1
            return False
        self.known.add(value)
        self.out_of_order += value < self.newest
        self.newest = max(self.newest, value)
        return True


def accepted(lines: Iterable[str], sensor: str, unsure: bool, until: int) -> set[int]:
    """The values of a sensor that its board has accepted, as its console tells.

    unsure: its power was cut, and so the last value of each start may not have been accepted
    until: the newest value that counts; later ones may still be on their way
    """
    values: list[int] = []
    counted, refused = f"counted {sensor} ", f"Petrel: {sensor}:"
    for line in lines:
        if line.startswith(counted) and line[len(counted) :].isdigit():
            values.append(int(line[len(counted) :]))
        elif line.startswith(refused) and values:
            values.pop()
    if unsure:
        last = {value // START: value for value in values}
        values = [value for value in values if value != last[value // START]]
    return {value for value in values if value <= until}


@dataclass(frozen=True)
class Fault:
    """Something that was done to a node or to its broker."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True)
class Stall:
    """A time in which a node that goes on measuring got no new reading through."""

    node: str
    began: float
    ended: float
    faults: tuple[Fault, ...]  # those that touched it, in order

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began

    @property
    def rest(self) -> float:
        """How long it went on after the last of its faults was over."""
        over = max((fault.ended for fault in self.faults), default=self.began)
        return self.ended - min(max(over, self.began), self.ended)

    def text(self) -> str:
        """Its length, and the faults with their times since it began."""
        done = ", ".join(
            f"{each.name} at {each.began - self.began:.1f} s"
            + (f" for {each.ended - each.began:.1f} s" if each.ended > each.began + 0.05 else "")
            for each in self.faults
        )
        return f"{self.node}: {self.seconds:.1f} s, {self.rest:.1f} s after its faults: {done}"


def stall(node: str, began: float, ended: float, faults: Iterable[Fault]) -> Stall:
    """A stall, with those of the faults that touched it."""
    # One that was over just before may have been what began it: the last reading was on its way.
    touched = [each for each in faults if each.began <= ended and each.ended >= began - 1]
    return Stall(node, began, ended, tuple(sorted(touched, key=lambda each: each.began)))
