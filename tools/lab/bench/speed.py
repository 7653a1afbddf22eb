"""Operations a second: medians of rounds in which everybody has a turn, the raw floor first.

The machine is never quite quiet; within a round it is alike for all, and a median forgets the
round in which it was not. Speeds are compared with the floor of the same run and never asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from tools.lab.bench.place import Place
from tools.play.broker import Broker

# A mode of the programs of inside/, and operations in it: each run takes some tenths of a second.
MODES = {
    "qos0_s": ("qos0", 50_000),
    "qos1_s": ("qos1", 4_000),
    "qos1_pipelined_s": ("pipelined", 16_000),
    "recv_qos0_s": ("receive0", 30_000),
}
Runner = Callable[[str, int], list[str]]  # the command for a mode and a count


def one(place: Place, broker: Broker, command: Runner, key: str) -> float:
    """One measurement."""
    mode, count = MODES[key]
    if mode == "receive0":
        return float(place.run_fed(command(mode, count), broker, count, 0))
    return float(place.run(command(mode, count)))


def rounds(
    place: Place,
    broker: Broker,
    runners: Mapping[str, Runner],
    number: int,
    progress: Callable[[str], None] = lambda what: None,
) -> dict[str, dict[str, float]]:
    """The medians: runner's name -> figure -> operations a second."""
    taken: dict[str, dict[str, list[float]]] = {
        name: {key: [] for key in MODES} for name in runners
    }
    for _ in range(number):
        for key in MODES:
            for name, command in runners.items():
                progress(f"{name}: {key}")
                taken[name][key].append(one(place, broker, command, key))
    return {
        name: {key: median(values) for key, values in figures.items()}
        for name, figures in taken.items()
    }
