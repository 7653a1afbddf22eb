"""However a node ends: it is counted, the board restarts after a pause, and none is stranded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import CRASH, LIGHT, Node, make_node
from tools.make.package import build
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import BOARDS, BUILD

CRASHING = f"""
USES = "pin"
def options(): return {{}}
class Crashing:
    FIELDS = (("x", ""),)
    def __init__(self, pin): pass
    def start(self): return 0
    def read(self):
        {CRASH}
        return (1,)
DRIVER = Crashing
"""
BUG = "raise RuntimeError('a bug')"


def damage(node: Node, module: str) -> None:
    """Have a file of the node's fail when it is imported."""
    (node.flash / f"lib/{module}.py").write_text(BUG)


@pytest.mark.parametrize(
    "module", ["node/network/connection", "node/start/sensors", "mqtt/link", "node/start/begin"]
)
def test_restarts_follow_each_other_ever_more_slowly_in_safe_mode_too(
    node: Node, module: str
) -> None:
    node.write_config(node.config(sensors=[LIGHT]))
    node.bench.power_on()
    node.wait("light")
    node.bench.power_off()
    damage(node, module)
    start = len(node.bench.resets)
    node.bench.power_on()
    if module == "node/start/begin":  # nothing counts them, then
        node.bench.wait_for_line("restarts in 60 s", 20)
    else:
        node.bench.wait_for_line("restarts in 8 s", 30)
        assert node.bench.resets[start:] == ["power on", "reset", "reset", "reset"]
    assert not node.bench.ended
    node.bench.interrupt()  # a person may always have the board
    node.bench.wait_for_end()


@pytest.mark.parametrize("module", ["node/main", "node/overlay"])
def test_a_start_that_fails_is_told_and_tried_again(node: Node, module: str) -> None:
    node.write_config(node.config())
    damage(node, module)
    node.bench.power_on()
    node.bench.wait_for_line("trying again in 5 minutes")
    assert not node.bench.ended
    node.bench.interrupt()
    node.bench.wait_for_end()


def test_the_pause_feeds_the_watchdog(node: Node) -> None:
    (node.flash / "lib/sensors/crashing.py").write_text(CRASHING)
    crashing = {"name": "odd", "driver": "crashing", "pin": 18, "interval": 0.2}
    node.write_config(node.config(sensors=[crashing], watchdog=2))
    node.bench.power_on()
    node.wait("diagnostics", 30, mode="safe")  # after pauses of 1, 2 and 4 s
    assert node.bench.resets == ["power on", "soft", "reset", "reset", "reset"]


def test_a_flash_that_takes_nothing_does_not_stop_the_node(node: Node) -> None:
    for name in ("config.json.old", "crash.txt"):
        (node.flash / name / "in the way").mkdir(parents=True)
    (node.flash / "outbox").write_text("in the way")
    node.write_config(node.config(sensors=[{**LIGHT, "delivery": "must_deliver"}]))
    node.bench.power_on()
    node.wait("diagnostics")
    node.bench.wait_for_line(r"config\.json\.old: not written")
    start = len(node.seen.messages)
    node.seen.publish("petrel/n1/cmd/reboot", "")
    node.bench.wait_for_resets(2, 20)
    node.wait("diagnostics", start=start)
    assert node.bench.resets == ["power on", "reset"]


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_full_flash_without_other_memory_does_not_stop_the_node(
    tmp_path: Path, bits: str, broker: Broker, seen: Subscriber
) -> None:
    """Such as a Pico's or a Pyboard's with a MicroPython before 1.29."""
    build("UNIX", quiet=True)
    port = tmp_path / "port"
    shutil.copytree(BUILD / "UNIX-port", port)
    more = (BOARDS / "UNIX" / "machine_more.py").read_text()
    (port / "machine_more.py").write_text(more.replace("def memory(", "def no_memory("))
    flash = tmp_path / "flash"
    (flash / "crash.txt" / "in the way").mkdir(parents=True)
    node = make_node(flash, bits, broker, seen, port=port)
    with node.bench:
        node.write_config(node.config(sensors=[LIGHT]))
        node.bench.power_on()
        node.bench.wait_for_line(r"crash\.txt: not written")
        node.wait("light")
        start = len(seen.messages)
        seen.publish("petrel/n1/cmd/reboot", "")
        node.bench.wait_for_resets(3, 20)
        node.wait("diagnostics", start=start)
