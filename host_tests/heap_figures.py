"""`python -m host_tests.heap_figures`: measures what nodes take of a small heap.

It writes tools/config/heap_figures.json, from which `make check` estimates whether a config fits.
The code of drivers and their objects are measured one by one; the node is what the smallest heap
is in which a whole node works, less those.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import click

from host_tests.harness.whole_nodes import Nodes, nodes
from tools import cli
from tools.config import heap
from tools.docs import sensors
from tools.make.compile import compile_all, modules
from tools.shared.errors import ToolError
from tools.shared.imports import drivers
from tools.shared.paths import BUILD, LIB, MICROPYTHON
from tools.wiring.parts import PARTS

DOOR = {"name": "door", "driver": "digital", "pin": 4, "pull": "up", "invert": True}
LIGHT = {"name": "light", "driver": "analog", "pin": 0, "interval": 0.5}
QUEUE = 8
FEW = {"wifi": {"ssid": "a network"}, "diagnostics": 10, "queue": QUEUE}
BASE = {**FEW, "sensors": [DOOR, LIGHT]}
MUST = {**FEW, "sensors": [{**DOOR, "delivery": "must_deliver"}, LIGHT]}
ONE = {**FEW, "sensors": [DOOR]}
FOUR = {**FEW, "sensors": [{**DOOR, "name": f"d{pin}", "pin": pin} for pin in (4, 5, 12, 13)]}
STEP = 256
_LEAST = {"files": 32 * 1024, "rom": 20 * 1024}
_SIZES = 64  # from _LEAST on
_SURE = 4  # sizes in a row that work: a heap full of holes may work by chance

_OBJECT = """
import gc, json, sys
from node.config.roles import roles
module = __import__("sensors." + sys.argv[1], None, None, ("DRIVER",))
class Wired:
    def __getattr__(self, name):
        return 0 if name.isupper() else answer
def answer(*some, **more):
    return 0
options = module.options()
options = {key: value for key, value in json.loads(sys.argv[2]).items() if key in options}
options.pop("pull", None)
hardware = [Wired()]
if module.USES != "i2c":
    hardware = [Wired() for _, kind in roles(module.USES) for _ in range(1 + (kind == "pulse"))]
made = []
for _ in range(2):  # the first one may import something
    gc.collect()
    before = gc.mem_alloc()
    try:
        made.append(module.DRIVER(*hardware, **options))
    except (ImportError, OSError, ValueError):  # it wants to see its part
        pass
    gc.collect()
    found = gc.mem_alloc() - before
print(max(found, 0))
"""
_READING = """
import gc
READING = '{"value": %.2f, "unit": "C", "seq": 12345, "boot": 12345678, "time": 1795218370}'
from mqtt.engine.core import Outbox
def held(limit):
    gc.collect()
    before = gc.mem_alloc()
    box = Outbox(limit)
    gc.collect()
    empty = gc.mem_alloc() - before
    for i in range(limit):
        box.put("petrel/n1/light", (READING % (20 + i / 100)).encode(), 2)
    gc.collect()
    return empty, gc.mem_alloc() - before
held(1)
few, many = held(10), held(110)
print((many[0] - few[0]) // 100, (many[1] - few[1]) // 100)
"""


def least(world: Nodes, config: dict[str, Any], how: str) -> int:
    """The smallest heap in which a config works, and in those a little larger as well."""
    low, high, sure = 0, _SIZES, False

    def failed(steps: list[int]) -> list[int]:
        sizes = [_LEAST[how] + STEP * step for step in steps]
        bad = world.run((config, size, how == "rom") for size in sizes)
        return [step for step, fault in zip(steps, bad, strict=True) if fault]

    while not sure:
        while high - low > 1:  # several sizes at a time
            steps = sorted({low + (high - low) * i // 8 for i in range(1, 8)} - {low, high})
            bad = failed(steps)
            low = max([low, *bad])
            high = min([step for step in steps if step > low] or [high])
        bad = failed(list(range(high + 1, high + _SURE)))
        sure = not bad or high >= _SIZES
        low, high = (low, high) if sure else (max(bad), _SIZES)
    return _LEAST[how] + STEP * high


def measured() -> heap.Figures:
    """All figures, as they are now."""
    sensors.measured()  # compiles the drivers, and makes the image of a ROM
    image = BUILD / "sensors-ram" / "rom.img"
    names = {part for name in [*drivers(), heap.CHAIN] for part in heap.parts(name)}
    whole = {name: {"files": sensors.ram(name), "rom": sensors.ram(name, image)} for name in names}
    own: dict[str, dict[str, int]] = {}
    for name in sorted(names, key=lambda each: (len(heap.parts(each)), each)):
        others = heap.parts(name) - {name}
        own[name] = {
            how: max(0, size - sum(own[other][how] for other in others))
            for how, size in whole[name].items()
        }
    lib = BUILD / "heap-figures"
    compile_all(modules(LIB), lib, 3)

    def asked(code: str, *arguments: str) -> list[int]:
        done = subprocess.run(
            [str(MICROPYTHON["32"]), "-X", "heapsize=400K", "-c", code, *arguments],
            env={"MICROPYPATH": f"{lib}:.frozen"},
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(number) for number in done.stdout.split()]

    objects = {
        name: asked(_OBJECT, name, json.dumps(PARTS[name].example))[0] for name in drivers()
    }
    place, reading = asked(_READING)
    sought = {
        "one": (ONE, "files"),
        "four": (FOUR, "files"),
        "base": (BASE, "files"),
        "must": (MUST, "files"),
        "base in ROM": (BASE, "rom"),
        "must in ROM": (MUST, "rom"),
    }
    with nodes() as world, ThreadPoolExecutor() as pool:
        sizes = list(pool.map(lambda each: least(world, *each), sought.values()))
    needs = dict(zip(sought, sizes, strict=True))
    print(needs)
    found = heap.Figures(
        node={"files": 0, "rom": 0},
        must_deliver={
            "files": needs["must"] - needs["base"],
            "rom": needs["must in ROM"] - needs["base in ROM"],
        },
        modules=own,
        objects=objects,
        sensor=max(0, (needs["four"] - needs["one"]) // 3 - objects["digital"]),
        place=place,
        reading=reading,
    )
    for how, size in (("files", needs["base"]), ("rom", needs["base in ROM"])):
        found.node[how] = size - found.needed(BASE, how)
    return found


@click.command()
def command() -> None:
    """Measure, and write tools/config/heap_figures.json."""
    if not MICROPYTHON["32"].exists():
        raise ToolError("there is no 32-bit MicroPython", "make setup")
    heap.FIGURES.write_text(json.dumps(asdict(measured()), indent=2, sort_keys=True) + "\n")
    print(f"written: {heap.FIGURES.name}")


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.heap_figures"))
