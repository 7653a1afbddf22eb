"""Whether a config fits the heap of a board: an estimate from what was measured.

The figures stand in heap_figures.json; `make heap` measures them with whole nodes in the 32-bit
interpreter (host_tests/heap_figures.py). Only boards whose heap is fixed are judged.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.shared.boards import Board
from tools.shared.imports import DRIVERS, modules

FIGURES = Path(__file__).with_name("heap_figures.json")
# The same of the filters of the config; `make reference` measures them (tools/docs/filters.py).
FILTER_FIGURES = Path(__file__).with_name("filter_figures.json")
# How far the holes in a heap may put an estimate off; see host_tests/test_heap.py.
DOUBT = 1024
# MicroPython doubles its table of names when it is full, in one piece. From a ROM, where all else
# is small, that is most of what an estimate is off by: the 631st name takes so much.
NAMES = 4608
_SMALL = 65_536
# The module that some options of analog sensors bring in, and those options.
CHAIN = "shared.filters"
FILTERS = frozenset({"median", "smooth", "slew", "least", "most"})
_QUEUE = 32  # where the config does not say


@dataclass(frozen=True)
class Figures:
    """Bytes of a 32-bit heap; where that differs, with the code in "files" and in "rom".

    A driver that was not measured counts for nothing.
    """

    node: dict[str, int]  # without a sensor and with no place in its queue
    must_deliver: dict[str, int]
    modules: dict[str, dict[str, int]]  # each module of lib/sensors, without what it imports
    objects: dict[str, int]  # what a driver makes for each sensor
    sensor: int  # what the node keeps for each sensor
    place: int  # of the queue
    reading: int  # that waits in it

    def needed(self, config: dict[str, Any], how: str) -> int:
        """The heap that a config needs. how: "files" or "rom"."""
        sensors = config.get("sensors", [])
        code = {name for each in sensors for name in parts(each["driver"])}
        if any(FILTERS & each.keys() for each in sensors):
            code |= parts(CHAIN)
        total: int = (
            self.node[how]
            + (self.must_deliver[how] if _must(config) else 0)
            + sum(self.modules[name][how] for name in code & self.modules.keys())
            + sum(self.sensor + self.objects.get(each["driver"], 0) for each in sensors)
            + filtering(sensors, how)
            + self.place * config.get("queue", _QUEUE)
        )
        return total


@cache
def figures() -> Figures:
    """Those of the file."""
    return Figures(**json.loads(FIGURES.read_text()))


def filtering(sensors: list[dict[str, Any]], how: str) -> int:
    """Bytes that the filters of all sensors take. Those of one kind share their code."""
    total = 0
    seen = set()
    for each in sensors:
        filters = each.get("filters")
        kinds = ["", *(key for some in filters for key in some)] if filters else []
        for kind in kinds:
            figures = _filter_figures().get(kind, {})
            total += figures.get("more" if kind in seen else how, 0)
            seen.add(kind)
    return total


@cache
def _filter_figures() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(FILTER_FIGURES.read_text())
    return found


@cache
def parts(name: str) -> frozenset[str]:
    """The modules of lib/sensors that are there once one of them is imported, and itself.

    Their names are without "sensors."; a folder below it is a module as well. What is imported
    within a function is left out: it was for the check, or see CHAIN.
    """
    found = {name}
    package = name.rpartition(".")[0]
    if package:
        found |= parts(package)
    tree = ast.parse(modules()[f"{DRIVERS}.{name}"].read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{DRIVERS}."):
            found |= parts(str(node.module).partition(".")[2])
    return frozenset(found)


def warnings(config: dict[str, Any], board: Board, how: str = "files") -> list[str]:
    """What to say of a good config that may need more than the board has.

    how: where the code is, "files" or "rom"
    """
    heap = board.petrel["heap"]
    if heap["grows"] or heap["bytes"] is None:
        return []
    room: int = heap["bytes"]
    needed = figures().needed(config, how)
    if how == "rom":
        needed += NAMES
    if needed > room:
        return [_too_much(config, board.id, needed, room, how)]
    said = _queue(config, board, room - needed)
    mqtt = config["mqtt"]
    if room <= _SMALL and ("ca" in mqtt or mqtt.get("verify") is False):
        said.append(
            f"mqtt: TLS needs heap as well, and about {_kb(room - needed)} of {board.id}'s "
            f"{_kb(room)} is left for it. How much it takes there was never measured."
        )
    return said


def _queue(config: dict[str, Any], board: Board, free: int) -> list[str]:
    """Whether all readings that may wait find room, where the config says how many."""
    known = figures()
    online = board.petrel["network"] != "none" or "serial" in config["mqtt"]
    size = known.reading * config.get("queue", 0)
    if not online or _must(config) or size <= free + DOUBT:
        return []
    return [
        f"queue: {config['queue']} waiting readings need about {_kb(size)} of heap, and about "
        f"{_kb(free)} of {board.id}'s is free. A reading that finds no room is refused and "
        f"counted. Use {max(1, free // known.reading)}."
    ]


def _too_much(config: dict[str, Any], board: str, needed: int, room: int, how: str) -> str:
    """How much too much, and what would fit."""
    less, doubtful = (room, DOUBT) if how == "files" else (room - NAMES, NAMES)
    sure = needed - doubtful > room
    cures = list(_cures(config, less, how))
    if how == "files":
        frozen = figures().needed(config, "rom")
        built_in = "build Petrel into the firmware (`make firmware`) or a ROMFS"
        if frozen + NAMES <= room:
            cures.append(f"{built_in}, where it needs {_kb(frozen)} to {_kb(frozen + NAMES)}")
        else:
            cures += [f"{built_in}, and {cure}" for cure in _cures(config, room - NAMES, "rom")]
    cures = cures or ["use a board with more RAM, such as an ESP32"]
    doubt = "will probably" if sure else "may"
    cure = ", or ".join(cures)
    return (
        f"sensors: about {_kb(needed)} of heap is needed, and {board} has {_kb(room)}. It {doubt} "
        f"run out of memory. {cure[0].upper()}{cure[1:]}."
    )


def _cures(config: dict[str, Any], room: int, how: str) -> Iterator[str]:
    """What to leave out so that it fits: must_deliver, if that is enough, or else sensors too."""
    known = figures()

    def fits(sensors: list[dict[str, Any]]) -> bool:
        return known.needed({**config, "sensors": sensors}, how) <= room

    sensors = config["sensors"]
    without = [{**each, "delivery": "queue"} for each in sensors]
    must = _must(config)
    if must and fits(without):
        yield "leave out must_deliver"
        return
    left = list(without)
    out = []
    while left and not fits(left):
        # Which one gives back the most: code that others use as well stays.
        gone = min(
            range(len(left)),
            key=lambda i: known.needed({**config, "sensors": left[:i] + left[i + 1 :]}, how),
        )
        out.append(left.pop(gone)["name"])
    if left:
        out = ["must_deliver"] * must + out
        yield "leave out " + " and ".join([", ".join(out[:-1]), out[-1]] if out[1:] else out)


def _must(config: dict[str, Any]) -> bool:
    return any(each.get("delivery") == "must_deliver" for each in config.get("sensors", ()))


def _kb(size: int) -> str:
    return f"{size / 1024:.1f} KB"
