"""`make battery`: how long a battery lasts, by hand and by the command, and its picture."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tests.harness.svg import SVG, assert_readable, labels
from tools.config import battery, life
from tools.shared import boards
from tools.shared.paths import ROOT

CELL = life.Cell("a cell", 1000, 0.0)
SLEEPS = life.Days(every=600, limit_s=20, wake_s=6, failed=0.0)
CONFIG: dict[str, Any] = {
    "node": "n1",
    "wifi": {"ssid": "air", "password": "12345678"},
    "mqtt": {"host": "broker"},
    "sleep": {"every": 600, "awake": 20},
    "sensors": [{"name": "door", "driver": "digital", "pin": 4}],
}


def test_the_charge_of_a_cycle_is_what_goes_awake_and_asleep() -> None:
    # 6 s of 100 mA and 594 s of 0.1 mA in 600 s
    assert life.average_ma(100, 100, SLEEPS) == pytest.approx((6 * 100 + 594 * 0.1) / 600)
    assert life.share_awake(100, 100, SLEEPS) == pytest.approx(600 / 659.4)
    assert life.hours(CELL, 1.0) == pytest.approx(850)


def test_wakes_that_fail_take_as_long_as_they_may() -> None:
    days = replace(SLEEPS, failed=0.1)
    assert days.awake_s() == pytest.approx(0.9 * 6 + 0.1 * 20)


def test_without_a_sleep_it_is_always_awake() -> None:
    assert life.average_ma(10, 80, life.Days(extra_ua=500)) == pytest.approx(80.5)


def test_a_cell_loses_charge_by_itself() -> None:
    """Even with no load at all it is empty some day: 2 % a month are four years, of 85 %."""
    cell = life.CELLS["18650"]
    assert life.hours(cell, 0) == pytest.approx(42.5 * life.HOURS_PER_MONTH)


@given(
    st.floats(1, 20_000), st.floats(1, 400), st.floats(60, 86_400), st.floats(0.2, 50),
    st.floats(0, 1), st.floats(0, 1000),
)  # fmt: skip
def test_more_current_never_makes_it_last_longer(
    asleep: float, awake: float, every: float, wake: float, failed: float, extra: float
) -> None:
    days = life.Days(every, 50, wake, failed, extra)
    mean = life.average_ma(asleep, awake, days)
    assert mean <= max(asleep / 1000, awake) + extra / 1000 + 1e-9
    assert life.average_ma(asleep * 2, awake, days) >= mean
    assert life.average_ma(asleep, awake * 2, days) >= mean
    assert 0 <= life.share_awake(asleep, awake, days) <= 1


def test_times_and_currents_are_said_as_one_says_them() -> None:
    said = [life.words(hours) for hours in (1, 30, 60, 24 * 40, 730.5 * 5, 730.5 * 36)]
    assert said == ["1.0 hours", "30 hours", "2.5 days", "40 days", "5.0 months", "3.0 years"]
    assert [life.current(each) for each in (0.013, 1, 17, 115)] == [
        "13 µA",
        "1 mA",
        "17 mA",
        "115 mA",
    ]


@pytest.mark.parametrize("every", [0, 60, 600, 86_400])
@pytest.mark.parametrize("board", ["ESP32_GENERIC", "ESP8266_GENERIC", "ESP32_GENERIC_S3"])
def test_the_picture_can_be_read(board: str, every: int) -> None:
    found = battery.lines_of(boards.load(board), 80, None)
    days = replace(SLEEPS, every=every)
    text = battery.svg("How long <does> it last?", life.CELLS["aa3"], found, days)
    root = ElementTree.fromstring(text)
    assert_readable(root)
    assert {name for name, _, _ in found} <= {label.said for label in labels(root)}
    assert len(root.findall(f"{SVG}polyline")) == len(found)
    assert len(root.findall(f"{SVG}circle")) == (len(found) if every else 0)


def run(folder: Path, board: str, config: dict[str, Any], *words: str) -> tuple[int, str]:
    path = folder / "my.json"
    path.write_text(json.dumps(config))
    done = subprocess.run(
        ["make", "-s", "battery", "-o", "setup-host", f"BOARD={board}", f"CONFIG={path}",
         f"OUT={folder / 'battery.svg'}", *words],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"},
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_command_compares_boards_and_draws_them(tmp_path: Path) -> None:
    status, said = run(tmp_path, "ESP32_GENERIC", CONFIG)
    assert status == 0, said
    assert "a wake every 600 s for 5 s" in said
    assert re.search(r"FireBeetle.* 13 µA +115 mA +1\.03 mA +99% +3\.1 months", said), said
    assert "https://" in said
    ElementTree.fromstring((tmp_path / "battery.svg").read_text())


def test_what_one_has_measured_replaces_what_others_did(tmp_path: Path) -> None:
    words = ("SECONDS=3", "ASLEEP_UA=25", "AWAKE_MA=95", "CELL=lifepo4", "MAH=600", "EXTRA_UA=10")
    status, said = run(tmp_path, "ESP32_GENERIC_S3", CONFIG, *words)
    assert status == 0, said
    assert "LiFePO4" in said and "600 mAh" in said
    assert re.search(r"your board +25 µA +95 mA", said), said
    assert "https://" not in said


def test_without_a_measurement_it_asks_for_one(tmp_path: Path) -> None:
    status, said = run(tmp_path, "ESP32_GENERIC_S3", CONFIG)
    assert status and "say AWAKE_MA= " in said, said


def test_a_config_that_the_board_refuses_is_refused(tmp_path: Path) -> None:
    status, said = run(tmp_path, "RPI_PICO_W", CONFIG)
    assert status and "RPI_PICO_W would refuse" in said, said


def test_a_config_without_sleep_lasts_for_hours(tmp_path: Path) -> None:
    awake = {key: CONFIG[key] for key in CONFIG if key != "sleep"}
    status, said = run(tmp_path, "ESP32_GENERIC", awake)
    assert status == 0 and "it never sleeps" in said and "22 hours" in said, said
