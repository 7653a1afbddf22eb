"""How small the heap of a whole node may be: every command, a config checked, readings kept.

The limits stand in tools/lab/bench/budgets.py. A node runs there, and in heaps that are a little
larger: one that is full of holes may work by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from host_tests.harness.whole_nodes import I2C, Nodes, nodes
from host_tests.heap_figures import DOOR, FEW, LIGHT
from tools.lab.bench.budgets import NODES

KEPT = {**DOOR, "delivery": "must_deliver"}
SENSORS: dict[str, list[dict[str, Any]]] = {
    "two sensors": [KEPT, LIGHT],
    # Those of firmware/config.json, and a BME280.
    "three drivers": [
        KEPT,
        {"name": "air", "driver": "bme280", "sda": 14, "scl": 12, "interval": 1},
        LIGHT,
    ],
    "the largest drivers": [
        {"name": "cell", "driver": "battery", "pin": 0, "interval": 1, "top": 40000.0},
        {"name": "gas", "driver": "scd4x", "sda": 4, "scl": 5, "interval": 1},
        {"name": "volts", "driver": "ads1115", "sda": 4, "scl": 5, "interval": 1},
    ],
}


@pytest.fixture(scope="module")
def world() -> Iterator[Nodes]:
    with nodes() as found:
        yield found


@pytest.mark.parametrize("row", NODES)
def test_a_whole_node_runs_in_its_limit(world: Nodes, row: str) -> None:
    limit = NODES[row].limit
    assert limit
    name, _, rom = row.partition(" in ")
    sensors = SENSORS[name]
    least = int(limit) + (I2C if any("sda" in each for each in sensors) else 0)
    config = {**FEW, "sensors": sensors}
    runs = [(config, size, bool(rom)) for size in range(least, least + 2049, 512)]
    faults = world.run(runs, thorough=True)
    # What arrives when differs from run to run, and takes memory: one failure may be chance.
    again = [run for run, fault in zip(runs, faults, strict=True) if fault]
    assert not any(world.run(again, thorough=True)), faults
