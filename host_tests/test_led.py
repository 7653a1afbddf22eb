"""The status LED of a node on the simulated board."""

from __future__ import annotations

import queue
from typing import Any

import pytest

from host_tests.harness.node import DOOR, LIGHT, Node

PIN = 2
ONE_WIDTH = pytest.mark.parametrize("node", ["64"], indirect=True)


def levels_of(node: Node, monkeypatch: pytest.MonkeyPatch) -> queue.Queue[int]:
    """The levels that the board gives to the LED's pin, from now on."""
    found: queue.Queue[int] = queue.Queue()
    output = node.bench.world.output

    def seen(pin: str, level: int) -> Any:
        if pin == str(PIN):
            found.put(level)
        return output(pin, level)

    monkeypatch.setattr(node.bench.world, "output", seen)
    return found


@ONE_WIDTH
@pytest.mark.parametrize("active", ["high", "low"])
def test_it_is_lit_at_the_start_dark_when_connected_and_blinks_without_wifi(
    node: Node, monkeypatch: pytest.MonkeyPatch, active: str
) -> None:
    lit, dark = (1, 0) if active == "high" else (0, 1)
    levels = levels_of(node, monkeypatch)
    node.write_config(node.config(led={"pin": PIN, "active": active}))
    node.bench.power_on()
    node.wait("light")
    assert [levels.get(timeout=60) for _ in range(2)] == [lit, dark]
    assert levels.empty()
    node.bench.wifi_down()
    assert [levels.get(timeout=60) for _ in range(6)] == [lit, dark] * 3
    start = len(node.seen.messages)
    node.bench.wifi_up()
    node.wait("light", 60, start)
    node.obeys()
    while not levels.empty():
        levels.get()
    assert node.command("identify")["ok"]
    assert [levels.get(timeout=60) for _ in range(4)] == [lit, dark] * 2


@ONE_WIDTH
def test_a_pin_that_a_sensor_has_or_that_the_board_lacks_is_refused(node: Node) -> None:
    for pin, told in ((4, "GPIO4 is already used by"), (99, "is not a pin"), (34, "input")):
        sensors = [DOOR, {**LIGHT, "pin": 35}]
        node.write_config(node.config(led={"pin": pin}, sensors=sensors))
        start = len(node.bench.lines)
        node.bench.power_on()
        node.bench.wait_for_line(told, 60, start)
        node.bench.power_cut()
