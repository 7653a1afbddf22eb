"""`make calibrate`: a person at a terminal, a node, and the config that is written."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.harness.commands import Command
from host_tests.harness.node import LIGHT, Node
from host_tests.test_send import Answering, at
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT
from tools.shared.process import popen
from tools.talk import calibrate
from tools.talk.calibrate import Sensor, across, command, filter_of, rewritten, sensor_of

AIR = {"name": "air", "driver": "bme280", "sda": 21, "scl": 22}
NUMBERS = st.floats(-1000, 1000)


class Person:
    """At a terminal, with the command."""

    def __init__(self, *arguments: str) -> None:
        self._line, slave = pty.openpty()
        self._process = popen(
            [sys.executable, "-m", "tools", "calibrate", *arguments],
            cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""

    def sees(self, pattern: str) -> re.Match[str]:
        """Wait for it."""
        while not (found := re.search(pattern, self.shown)):
            piece = os.read(self._line, 4096).decode(errors="replace")
            self.shown += re.sub(r"\x1b\[[\d;]*m", "", piece)
        self.shown = self.shown[found.end() :]
        return found

    def types(self, text: str) -> None:
        """Type a line."""
        os.write(self._line, text.encode() + b"\n")

    def ends(self) -> int:
        """Wait for the end; returns the exit status."""
        return self._process.wait(60)

    def leaves(self) -> None:
        """Whatever happened, leave nothing behind."""
        self._process.kill()
        self._process.wait()
        os.close(self._line)


@pytest.mark.parametrize("node", ["64"], indirect=True)
def test_a_person_calibrates_a_sensor_of_the_simulated_board(
    node: Node, broker: Broker, tmp_path: Path
) -> None:
    config = node.config(sensors=[{**LIGHT, "interval": 1}])
    node.write_config(config)
    file = tmp_path / "my.json"
    file.write_text(json.dumps(config))
    node.bench.power_on()
    node.wait("light", 60)
    person = Person("n1", "light", str(file), *at(broker))
    measured: list[float] = []
    try:
        while len(measured) < 2:  # a wave: what it measures changes
            value = float(person.sees(r"It measures (\S+) V\s+True value")[1])
            if measured and abs(value - measured[0]) < 0.2:
                person.types("")
                continue
            measured.append(value)
            person.types(f"{2 * value + 1:.6g}")
        person.sees("True value")
        person.types("hot")
        person.sees("hot is not a number")
        person.sees("True value")
        person.types("done")
        person.sees(r"Write it into .*\?")
        person.types("y")
        person.sees("Written. make config NODE=n1")
        assert person.ends() == 0
    finally:
        person.leaves()
    (sensor,) = json.loads(file.read_text())["sensors"]
    (each,) = sensor.pop("filters")
    assert sensor == {**LIGHT, "interval": 1}
    assert [x for x, _ in each["calibrate"]] == pytest.approx(sorted(measured))
    assert all(y == pytest.approx(2 * x + 1, rel=1e-4) for x, y in each["calibrate"])
    # The node takes it; the next calibration sees what is measured before this one.
    start = len(node.seen.messages)
    assert node.command("config/put", file.read_text())["restarts"]
    node.wait("reply/config", 60, start, ok=True)
    reading = node.wait("light", 60, len(node.seen.messages))["value"]
    assert 1 <= reading <= 8
    person = Person("n1", "light", str(file), *at(broker))
    try:
        assert 0 <= float(person.sees(r"It measures (\S+) V\s+True value")[1]) <= 3.4
        person.types("done")
        person.sees("Nothing to write.")
    finally:
        person.leaves()


def test_one_point_is_an_offset_and_more_are_a_table_or_a_line(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "BETWEEN_S", 0)
    file = tmp_path / "my.json"
    text = '{"sensors": [\n  {"name": "air", "driver": "bme280", "sda": 21, "scl": 22},\n  {}]}'
    file.write_text(text)
    reply = {"ok": True, "values": {"air": [21.5, 1013.2, 48]}}
    with Answering(broker, reply):
        said = Command(command).said(
            "n1", "air/temperature", str(file), "--yes", *at(broker), typed="20\ndone\n"
        )
        assert "It measures 21.5 C" in said and '+    "offset"' not in said.split("Written")[1]
        refused = Command(command).refused("n1", "air", str(file), *at(broker))
        assert "Say which: air/temperature or air/pressure or air/humidity." in refused
        refused = Command(command).refused("n1", "soil", str(file), *at(broker))
        assert "no sensor 'soil'" in refused and "It has air." in refused
    new = '"scl": 22, "filters": [{"offset": -1.5, "field": "temperature"}]}'
    assert file.read_text() == text.replace('"scl": 22}', new)
    with Answering(broker, {"ok": False, "error": "no sensor"}):
        refused = Command(command).refused("n1", "air/humidity", str(file), *at(broker))
        assert "did not read air" in refused
    points = [[10.0, 0.0], [0.0, 1.0], [20.0, 5.0]]
    assert filter_of(points, False) == {"calibrate": [[0, 1], [10, 0], [20, 5]]}
    assert filter_of(points, True) == {"linear": [0.2, 0]}
    assert filter_of(points[:1], True) == {"offset": -10}


def entry(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"sensors": [{"name": "t", "driver": "ds18b20", "pin": 4, "filters": list(filters)}]}


@given(NUMBERS, st.floats(0.1, 10), NUMBERS)
def test_what_was_measured_is_found_behind_any_lines(x: float, a: float, b: float) -> None:
    points: list[list[float]] = [[-10, -30], [0, 5], [50, 70]]
    filters: list[dict[str, Any]] = [
        {"multiply": 7}, {"median": 3}, {"calibrate": points}, {"linear": [a, b]}, {"to": "F"},
        {"delta": 1},
    ]  # fmt: skip
    sensor = Sensor(entry(*filters)["sensors"][0], ["temperature"], [], {"4 0": [1.8, 32]}, 0)
    value = (a * across(points, x) + b) * 1.8 + 32
    # Behind the multiplication, where the first calibration stands.
    assert sensor.raw(value) == pytest.approx(x, rel=1e-6, abs=1e-4)


def test_the_new_calibration_takes_the_place_of_all_before() -> None:
    old: list[dict[str, Any]] = [
        {"median": 3},
        {"offset": 1},
        {"to": "F"},
        {"linear": [2, 3]},
        {"delta": 1},
    ]
    sensor = sensor_of(entry(*old), "t")
    assert sensor.unit == "C"
    assert sensor.calibrated({"offset": 5}) == [
        {"median": 3}, {"offset": 5}, {"to": "F"}, {"delta": 1},
    ]  # fmt: skip
    several = sensor_of({"sensors": [{**AIR, "filters": [{"offset": 1, "field": "humidity"}]}]},
                        "air/temperature")  # fmt: skip
    assert several.calibrated({"offset": 5}) == [
        {"offset": 5, "field": "temperature"}, {"offset": 1, "field": "humidity"},
    ]  # fmt: skip
    with pytest.raises(ToolError, match="makes every value 3"):
        sensor_of(entry({"linear": [0, 3]}), "t").raw(3)


def test_the_rest_of_the_file_stays_as_it_is_written() -> None:
    old = {"name": "a", "pin": 3}
    new = {**old, "filters": [{"offset": 1}]}
    text = '{"x": "{", "sensors": [\n  {\n    "name": "a",\n    "pin": 3\n  }, {"name": "b"}]}'
    found = rewritten(text, old, new)
    assert json.loads(found)["sensors"] == [new, {"name": "b"}]
    assert found.startswith(
        '{"x": "{", "sensors": [\n  {\n    "name": "a",\n    "pin": 3,\n    "fil'
    )
    assert found.endswith('\n  }, {"name": "b"}]}')
