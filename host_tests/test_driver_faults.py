"""A driver that misbehaves, on a running node: the other sensors and the node itself go on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host_tests.harness.node import LIGHT, Node

FINE = {
    "head": "",
    "options": "return {}",
    "init": "pass",
    "start": "return 0",
    "read": "return (1,)",
}
TEMPLATE = """
USES = "pin"
{head}
def options():
    {options}
class Odd:
    FIELDS = (("x", ""),)
    changed = False
    def __init__(self, pin):
        {init}
    def start(self):
        {start}
    def read(self):
        {read}
    {more}
DRIVER = Odd
"""
BUG = "raise RuntimeError('a bug')"
WHERE = {  # where it is raised: what the driver says instead of FINE, and the line of it
    "import": ({"head": BUG}, 3),
    "make": ({"init": BUG}, 10),
    "make, SystemExit": ({"init": "raise SystemExit"}, 10),
    "start": ({"start": BUG}, 12),
    "read": ({"read": BUG}, 14),
    "read, OSError": ({"read": "raise OSError('no answer')"}, 14),
    "read, MemoryError": ({"read": "bytearray(1 << 28)"}, 14),
    "read, SystemExit": ({"read": "raise SystemExit"}, 14),
    "poll": ({"more": "def poll(self, now): return 1 // 0"}, 15),
}


def write_driver(node: Node, name: str = "odd", **changes: str) -> dict[str, Any]:
    """Put a driver onto the flash; returns an entry of the config that uses it."""
    text = TEMPLATE.format(**{**FINE, "more": "", **changes})
    (node.flash / "lib/sensors" / f"{name}.py").write_text(text)
    return {"name": name, "driver": name, "pin": 5, "interval": 0.1}


def _failing(topic: str, payload: str) -> bool:
    return topic.endswith("/diagnostics") and json.loads(payload).get("failing") == ["odd"]


def _well_again(topic: str, payload: str) -> bool:
    return topic.endswith("/diagnostics") and "failing" not in json.loads(payload)


@pytest.mark.parametrize("where", WHERE)
def test_a_driver_that_raises_is_told_with_its_line_and_stops_nobody(
    node: Node, where: str
) -> None:
    changes, line = WHERE[where]
    odd = write_driver(node, **changes)
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line(rf"odd: .*\(sensors/odd.py, line {line}\b", 15)
    assert node.seen.seen(_failing, 20), node.bench.lines
    reply = node.command("read")
    assert "light" in reply["values"]
    assert where == "poll" or "line" in reply["errors"]["odd"]
    start = len(node.seen.messages)
    node.wait("light", start=start)
    assert node.bench.resets == ["power on", "soft"]  # the second for the new config


@pytest.mark.parametrize(
    "changes",
    [{"options": BUG}, {"head": f"def demands(given): {BUG}"}],
    ids=["options", "demands"],
)
def test_a_driver_that_raises_when_it_is_checked_is_told_and_the_node_starts(
    node: Node, changes: dict[str, str]
) -> None:
    odd = write_driver(node, **changes)
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.wait("light")
    line = 5 if "options" in changes else 3
    found = rf"sensors\[0\]\.driver: RuntimeError: a bug \(sensors/odd.py, line {line}\b"
    node.bench.wait_for_line(found)


@pytest.mark.parametrize("answer", ["None", "{'wrong': 5}"])
def test_an_answer_of_demands_that_is_none_is_told_and_the_node_starts(
    node: Node, answer: str
) -> None:
    odd = write_driver(node, head=f"def demands(given): return {answer}")
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.wait("light")
    node.bench.wait_for_line(r"sensors\[0\]\.driver: demands\(\) returned .* \(driver odd\)")


def test_a_driver_built_for_a_small_board_tells_its_line(node: Node) -> None:
    """Everything else is compiled without line numbers there."""
    odd = {"name": "odd", "driver": "bme280", "sda": 21, "scl": 22, "interval": 0.2}
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line(r"odd: bme280 at 0x76: no answer.*\(sensors\.bme280, line \d\d", 15)


def test_a_driver_that_fails_again_and_again_is_asked_more_rarely_until_it_works(
    node: Node,
) -> None:
    odd = write_driver(node, head="import os", read="return os.stat('good') and (1,)")
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    assert node.seen.seen(_failing, 20), node.bench.lines
    failures = sum("odd: " in line for line in node.bench.lines)
    assert failures <= 8  # four in 0.4 s, and then less and less often
    start = len(node.seen.messages)
    (node.flash / "good").touch()
    node.wait("odd", 20, start)
    node.bench.wait_for_line("odd works again")
    assert node.seen.seen(_well_again, 10)
    start = len(node.seen.messages)
    for _ in range(3):
        node.wait("odd", 3, start)
        start = len(node.seen.messages)


def test_a_sensor_that_could_not_be_made_joins_later(node: Node) -> None:
    odd = write_driver(node, head="import os", init="os.stat('good')")
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.wait("light")
    (node.flash / "good").touch()
    assert node.wait("odd", 20)["value"] == 1


def test_an_output_that_raises_is_told_in_the_reply(node: Node) -> None:
    odd = write_driver(node, more="def set(self, value): return 1 // value")
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.wait("odd")
    reply = node.command("set", '{"output": "odd", "value": 0}')
    assert not reply["ok"] and "sensors/odd.py, line 15" in reply["error"]
    assert node.command("set", '{"output": "odd", "value": 1}')["ok"]


def test_a_driver_that_raises_when_it_is_closed_does_not_keep_the_node_from_restarting(
    node: Node,
) -> None:
    first = write_driver(node, more=f"def close(self): {BUG}")
    closing = write_driver(node, "closing", more="def close(self): print('closed')")
    node.write_config(node.config(sensors=[first, {**closing, "pin": 18}, LIGHT]))
    node.bench.power_on()
    node.wait("light")
    node.seen.publish("petrel/n1/cmd/reboot", "")
    node.bench.wait_for_line(r"odd: RuntimeError: a bug \(sensors/odd.py, line 15", 15)
    node.bench.wait_for_line("closed")
    node.bench.wait_for_resets(3)


def test_a_driver_that_holds_up_the_node_is_told_by_name(node: Node) -> None:
    odd = write_driver(node, head="import time", read="time.sleep(3); return (1,)")
    node.write_config(node.config(sensors=[{**odd, "interval": 5}, LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line("odd: driver odd held up the node for 3 s", 20)
    start = len(node.seen.messages)
    node.wait("light", start=start)
    assert node.bench.resets == ["power on", "soft"]


def test_a_button_that_nobody_presses_is_no_fault(node: Node) -> None:
    """It has no value in between: neither for the command `read` nor at an interval."""
    button = {"name": "bell", "driver": "button", "pin": 18, "pull": "up", "invert": True}
    button["interval"] = 0.1
    node.write_config(node.config(sensors=[button, LIGHT], diagnostics=10))
    node.bench.power_on()
    node.wait("diagnostics")
    reply = node.command("read")
    assert set(reply) == {"ok", "values"} and set(reply["values"]) == {"light"}
    for _ in range(5):
        node.wait("light", start=len(node.seen.messages))
    node.bench.press(18)
    assert node.wait("bell")["value"] == "click"
    assert not any("bell:" in line for line in node.bench.lines)


@pytest.mark.parametrize("missing", ["USES", "DRIVER", "options"])
def test_a_driver_that_lacks_something_is_told_by_its_file_and_stops_nobody(
    node: Node, missing: str
) -> None:
    odd = write_driver(node)
    path = node.flash / "lib/sensors/odd.py"
    path.write_text(path.read_text().replace(missing, "other"))
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line(rf"sensors\[0\]\.driver: lib/sensors/odd.py has no {missing}")
    node.wait("light")
    if missing != "options":
        node.bench.wait_for_line(rf"odd: lib/sensors/odd.py has no {missing}")


def test_a_driver_that_imports_what_is_not_there_is_told_with_that(node: Node) -> None:
    odd = write_driver(node, head="import nothing")
    node.write_config(node.config(sensors=[odd, LIGHT]))
    node.bench.power_on()
    told = r"'nothing'; deploy again \(sensors/odd.py, line 3"
    node.bench.wait_for_line(r"sensors\[0\]\.driver: .*" + told)
    node.wait("light")


def test_a_misspelt_driver_beside_a_broken_one_is_still_a_driver_that_there_is_not(
    node: Node,
) -> None:
    odd = write_driver(node, head=BUG)
    node.write_config(node.config(sensors=[{**odd, "driver": "odb"}, LIGHT]))
    node.bench.power_on()
    node.bench.wait_for_line(
        r'sensors\[0\]\.driver: there is no driver "odb" here. Did you mean "odd"'
    )


def test_a_library_that_is_not_complete_is_told_at_the_boot(node: Node) -> None:
    (node.flash / "lib/node/config/load.mpy").unlink()
    node.bench.power_on()
    node.bench.wait_for_line("the boot failed: no module named 'node.config.load'")
    node.bench.wait_for_line("Petrel is not complete on this board. Deploy again.")


@pytest.mark.parametrize("gone", ["node/config/filters", "sensors/filters/steps"])
def test_filters_whose_code_is_not_on_the_board_are_told(node: Node, gone: str) -> None:
    (node.flash / f"lib/{gone}.mpy").unlink()
    node.write_config(node.config(sensors=[{**LIGHT, "filters": [{"median": 3}]}]))
    node.bench.power_on()
    name = gone.replace("/", ".")
    node.bench.wait_for_line(f"no module named '{name}'; deploy again")


def test_another_failure_of_the_boot_blames_no_file(node: Node) -> None:
    (node.flash / "lib/node/main.mpy").unlink()
    (node.flash / "lib/node/main.py").write_text("1 / 0")
    node.bench.power_on()
    at = node.bench.wait_for_line("the boot failed: divide by zero")
    node.bench.wait_for_line("ZeroDivisionError")
    assert not any("not complete" in line for line in node.bench.lines[at:])
