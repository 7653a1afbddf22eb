"""A whole day at the hub, at a clock that runs faster: some twelve minutes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from host_tests.harness.azure_day import Day
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber

HOURS = 24
SPEED = 120


@pytest.mark.timeout(3600)
def test_a_day_at_the_hub(tmp_path: Path, broker: Broker, seen: Subscriber) -> None:
    with Day(tmp_path, broker, seen, SPEED) as day:
        day.live(HOURS, random.Random(8883))
        day.settle()
        device = day.device
        count = sum(map(len, day.readings().values()))
        print(
            f"{day.hours:.1f} h: {count} readings, {device.connects} connections, "
            f"{device.passwords} passwords, {dict(day.done)}"
        )
        assert day.hub.violations == []
        # The hub ends a connection for its password only where the test has it do so.
        assert device.expired <= day.done["ended"]
        assert all(day.done.values()) and len(day.done) == 6
