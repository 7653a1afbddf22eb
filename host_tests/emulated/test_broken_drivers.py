"""Drivers broken on purpose are found out by the models on the emulated bus.

A test that compares a driver with a model shows something only if it fails for a wrong driver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from host_tests.emulated.rig import PicoRig
from tools.shared.paths import LIB

BUS = "i2c:4,5"
# What is broken, the driver, what stands in its source, and what stands there instead.
BROKEN = [
    ("a wrong register", "bme280", "_DATA = const(0xF7)", "_DATA = const(0xF8)"),
    ("a wrong register", "ina219", "_SHUNT = const(1)", "_SHUNT = const(3)"),
    ("a swapped byte", "bh1750", "self._data[0] << 8 | self._data[1]",
     "self._data[1] << 8 | self._data[0]"),
    ("a swapped byte", "ads1115", "raw = data[0] << 8 | data[1]", "raw = data[1] << 8 | data[0]"),
    ("a swapped byte", "sht3x", "(data[3] << 8 | data[4])", "(data[4] << 8 | data[3])"),
    ("a byte order", "bme280", '"<HhhHhhhhhhhh"', '">HhhHhhhhhhhh"'),
    ("too short a time", "sht3x", "_TIME_MS = const(17)", "_TIME_MS = const(5)"),
]  # fmt: skip
VALUES: dict[str, Any] = {
    "bme280": {"temperature": 23.4, "pressure": 987.6, "humidity": 56.7},
    "ina219": {"voltage": 13.7, "current": -0.42},
    "bh1750": {"illuminance": 1234.0},
    "ads1115": {"a0": 1.234},
    "sht3x": {"temperature": 23.4, "humidity": 56.7},
}
READ = """
from machine import Pin, SoftI2C
source = {{}}
exec({source!r}, source)
bus = SoftI2C(scl=Pin(5), sda=Pin(4), freq=100_000)
tell(told(lambda: value(source["DRIVER"](bus))))
"""


def reading(rig: PicoRig, driver: str, old: str = "", new: str = "") -> Any:
    """What a driver reads whose source was changed."""
    source = (LIB / "sensors" / f"{driver}.py").read_text()
    assert old in source
    (found,) = rig.run(READ.format(source=source.replace(old, new) if old else source))
    return found


def right(driver: str, found: Any) -> bool:
    """True for the values of the model, within a hundredth of them."""
    wanted = list(VALUES[driver].values())
    if isinstance(found, str):
        return False
    return all(abs(a - b) <= 0.01 * abs(b) for a, b in zip(found, wanted, strict=False))


@pytest.mark.parametrize(("what", "driver", "old", "new"), BROKEN)
def test_a_broken_driver_is_found_out(
    board: Callable[..., PicoRig], what: str, driver: str, old: str, new: str
) -> None:
    rig = board({BUS: {"model": driver, **VALUES[driver]}})
    whole, broken = reading(rig, driver), reading(rig, driver, old, new)
    assert right(driver, whole), whole
    assert not right(driver, broken), (what, broken)
    print(f"{driver}, {what}: {broken}")
