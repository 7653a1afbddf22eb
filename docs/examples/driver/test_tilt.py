"""The guide's driver, against a model of its part."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.rig import Rig
from tools.play.sim.i2c import Registers

HERE = Path(__file__).parent
AT = "sda=21, scl=22"


class Adxl345(Registers):
    """The registers that matter: id, power, and three axes with 256 counts per g."""

    ADDRESS = 0x53
    tilt = 0.0  # degrees

    def refresh(self) -> None:
        self.registers[0x00] = 0xE5
        if self.registers.get(0x2D) == 0x08:
            x, z = math.sin(math.radians(self.tilt)), math.cos(math.radians(self.tilt))
            self.store(0x32, struct.pack("<hhh", round(256 * x), 0, round(256 * z)))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("tilt", [-90, -30, 0, 12.5, 89])
def test_tilt(bits: str, tilt: float) -> None:
    with Rig(bits, {}, drivers=HERE) as board:
        board.connect("i2c:21,22", Adxl345(tilt=tilt))
        ((found,),) = board.run(f"tell(value(make('tilt', {AT})))")
    assert abs(found - tilt) < 0.5


@pytest.mark.parametrize("bits", WIDTHS)
def test_nothing_on_the_bus(bits: str) -> None:
    with Rig(bits, {}, drivers=HERE) as board:
        (said,) = board.run(f"tell(told(make, 'tilt', {AT}))")
    assert said.startswith("OSError: tilt at 0x53: no answer, check SDA, SCL and power")
