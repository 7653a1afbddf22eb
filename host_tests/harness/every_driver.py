"""Nodes that have every driver between them; a board has not as many pins as there are drivers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import Node, make_node
from tools.play.broker import Broker
from tools.play.playground.parts import wired
from tools.play.sim.i2c_parts import MODELS
from tools.play.subscriber import Subscriber
from tools.wiring.parts import PARTS

GROUPS = (
    (
        "aht20", "sht3x", "bme280", "bh1750", "ads1115", "ina219", "scd4x", "digital", "button",
        "rotary", "pulse", "distance", "dht11", "dht22", "ds18b20",
    ),
    ("analog", "battery", "ldr", "loop", "moisture", "ntc", "potentiometer", "table"),
    ("voltage", "relay", "dimmer", "servo", "pixels", "buzzer"),
)  # fmt: skip
NAMES = "abc"  # of the nodes


def switch_on(
    stack: ExitStack, folder: Path, broker: Broker, seen: Subscriber, **config: Any
) -> list[tuple[Node, dict[str, Any]]]:
    """Switch on a node for each group, with every part wired; returns them with their parts.

    A sensor is named as its driver is. config: more keys of each config
    """
    nodes = []
    for name, group in zip(NAMES, GROUPS, strict=True):
        node = make_node(folder / name, WIDTHS[-1], broker, seen, name=name)
        stack.enter_context(node.bench)
        sensors: list[dict[str, Any]] = [
            {"name": driver, "driver": driver, **PARTS[driver].example} for driver in group
        ]
        for each in sensors:
            if each["driver"] in MODELS:
                each.update(sda=21, scl=22)
        made = node.config(sensors=sensors, ntp="", diagnostics=10, **config)
        made["sensors"] = [
            {key: value for key, value in each.items() if value is not None}
            for each in made["sensors"]
        ]
        parts, _ = wired(node.bench.world, made)
        if "battery" in parts:
            parts["battery"].set(node.bench.world, "volts", 1.9)
        node.write_config(made)
        node.bench.power_on()
        nodes.append((node, parts))
    for node, _ in nodes:
        assert "faults" not in node.wait("diagnostics", 60), node.bench.lines
    return nodes
