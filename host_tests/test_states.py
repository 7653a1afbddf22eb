"""What a consumer finds that comes late: whether a node is there, and how its parts stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import DOOR, LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.sim.control import send
from tools.play.subscriber import Subscriber

BUTTON = {"name": "bell", "driver": "button", "pin": 5, "pull": "up", "invert": True}
PUMP = {"name": "pump", "driver": "relay", "pin": 18}
KNOB = {"name": "knob", "driver": "rotary", "pin": 21, "pin_b": 22}


@pytest.fixture
def node(tmp_path: Path, broker: Broker, seen: Subscriber) -> Any:
    """A node, switched off and without a config."""
    node = make_node(tmp_path, WIDTHS[-1], broker, seen)
    with node.bench:
        yield node
    print("the board's console:", *node.bench.lines, sep="\n  ")


def start(node: Node, *sensors: dict[str, Any], **more: Any) -> None:
    node.write_config(node.config(sensors=list(sensors), ntp="", **more))
    node.bench.power_on()
    node.wait("diagnostics")


def retained(broker: Broker, *names: str) -> dict[str, Any]:
    """What somebody who subscribes now gets of the node's sensors."""
    with Subscriber(broker) as late:
        late.wait("petrel/n1/status")
        for name in names:
            late.wait(f"petrel/n1/{name}")
        return {topic[10:]: payload for topic, payload in late.messages}


def test_states_are_told_at_the_start_and_retained(node: Node, broker: Broker) -> None:
    start(node, DOOR, PUMP, KNOB, BUTTON, LIGHT)
    assert node.wait("door")["value"] == 0
    assert node.wait("pump")["value"] == 0
    assert node.wait("knob")["value"] == 0
    send(node.bench.control_address, {"do": "press", "pin": 5, "ms": 100})
    assert node.wait("bell")["value"] == "click"
    found = retained(broker, "door", "pump", "knob")
    assert "bell" not in found and "light" not in found
    assert not [topic for topic, _ in node.seen.messages if topic == "petrel/n1/bell"][1:]


def test_states_are_told_after_each_reconnect(node: Node, broker: Broker) -> None:
    start(node, DOOR, PUMP)
    first = len(node.seen.messages)
    node.command("set", '{"output": "pump", "value": true}')
    node.wait("pump", start=first, value=1)
    node.seen.catch_up()
    broker.kill()
    send(node.bench.control_address, {"do": "pin", "pin": 4, "level": 0})
    node.bench.wait_for_line("not connected")
    first = len(node.seen.messages)
    broker.start()  # it has forgotten everything
    node.seen.wait_subscribed()
    assert node.wait("pump", 40, start=first)["value"] == 1
    assert node.wait("door", start=first, value=1)
    retained(broker, "door", "pump")


def test_states_are_told_once_there_is_room(node: Node) -> None:
    many = [{**PUMP, "name": f"pump{i}", "pin": pin} for i, pin in enumerate((16, 17, 18, 19, 21))]
    start(node, *many, queue=1)
    for entry in many:
        node.wait(str(entry["name"]))
    assert node.wait("diagnostics")["refused"] == 0


def test_retain_is_as_the_config_says(node: Node, broker: Broker) -> None:
    start(node, {**DOOR, "retain": False}, {**LIGHT, "retain": True}, PUMP)
    node.wait("door")
    found = retained(broker, "light", "pump")
    assert "door" not in found


@pytest.mark.parametrize("how", ["reboot", "Ctrl-C"])
def test_a_node_that_ends_says_that_it_is_offline(node: Node, how: str) -> None:
    # Nothing may be on its way when it ends: a broker that still acknowledges a message to a
    # connection that was closed may not read on, and then takes the last will.
    start(node, {**LIGHT, "interval": 60}, homeassistant=False)
    node.wait("light")
    node.wait("diagnostics")
    node.seen.catch_up()
    first = len(node.seen.messages)
    if how == "reboot":
        assert node.command("reboot")["ok"]  # the reply is not lost for it
    else:
        node.bench.interrupt()
    assert node.wait("status", start=first) == "offline"
    # By its own word: a last will comes late where the network goes with the board.
    own = node.broker.logs(r"Client n1 .*disconnected\.$")
    assert own, [line for line in node.broker.log if "n1" in line]


def test_after_a_reboot_it_is_online_for_good(node: Node, broker: Broker) -> None:
    start(node, LIGHT)
    first = len(node.seen.messages)
    node.command("reboot")
    node.wait("diagnostics", 20, start=first)
    node.wait("light", start=len(node.seen.messages))
    said = [payload for topic, payload in node.seen.messages[first:] if topic.endswith("status")]
    assert said == ["offline", "online"]
    assert retained(broker)["status"] == "online"
