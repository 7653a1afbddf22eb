"""Every driver before hardware that says arbitrary things: readings are within what the part can
measure, by its datasheet, or they are errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS, compiled_lib, compiled_port, interpreter
from tools.shared.imports import drivers
from tools.shared.paths import ROOT
from tools.wiring.parts import PARTS

SCRIPT = ROOT / "host_tests" / "scripts" / "arbitrary.py"
SEEDS = (1, 2, 3)

ON_OFF = {"one of": [0, 1]}
SHARE = [0, 100]
ANY = [-1e9, 1e9]

# Driver: what each of its fields may be, the least and the most, and where a datasheet says so.
LIMITS: dict[str, list[Any]] = {
    "ads1115": [[-0.31, 4.096]],  # SBAS444E 7.1: from 0.3 V below GND, and the range
    "aht20": [[-40, 85], SHARE],  # AHT20 1.1, tables 1 and 2
    "analog": [[-40, 125]],  # of its example, a TMP36: Rev. H, specifications
    "battery": [[0.6 * 3.0, 1.2 * 4.2], SHARE],  # of a Li-ion cell
    "bh1750": [[0, 54_611.7]],  # 11046EDT01, page 7: 65534 / 1.2
    "bme280": [[-40, 85], [300, 1100], SHARE],  # DS002, tables 1 to 4
    "button": [{"one of": [None, "click", "double", "long"]}],
    "buzzer": [ON_OFF],
    "dht11": [[-20, 60], [5, 95]],  # DHT11 1.3, 2
    "dht22": [[-40, 80], SHARE],  # AM2302, table 1
    "digital": [ON_OFF],
    "dimmer": [SHARE],
    "distance": [[0.02, 4.0]],  # HC-SR04, electric parameters
    "ds18b20": [[-55, 125]],  # 19-7487, features
    "ina219": [[0, 26], [-3.2, 3.2], [-83.2, 83.2]],  # SBOS448G 7.3, and 320 mV at 0.1 ohms
    "ldr": [[0, 100_000]],
    "loop": [[-0.25, 10.63]],  # 3.6 to 21 mA of 0 to 10 bar
    "moisture": [SHARE],
    "ntc": [[-55, 150]],
    "pixels": ["colour"],
    "potentiometer": [SHARE],
    "pulse": [[0, 1e9], [0, 1e9]],
    "relay": [ON_OFF],
    "rotary": [ANY],
    "scd4x": [[1, 40_000], [-10, 60], SHARE],  # SCD4x 1.4, tables 1 to 3; 0 is no measurement
    "servo": [[0, 90]],
    "sht3x": [[-40, 125], SHARE],  # SHT3x-DIS, tables 1 and 2
    "table": [[0, 14]],  # pH
    "voltage": [[0, 36.3]],  # 3.3 V over 100 and 10 kilohms
}
OPTIONS: dict[str, dict[str, Any]] = {
    "table": {"least": 0, "most": 14},
    "potentiometer": {"supply": 2.5},  # the input tells more
}
NEVER_FAIL = {"button", "digital", "pulse", "rotary"}


def test_every_driver_has_its_limits() -> None:
    """A new driver gets a line above, and in the script what its part may say."""
    assert sorted(LIMITS) == drivers(), "add it to LIMITS above, and to scripts/arbitrary.py"


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("driver", sorted(LIMITS))
def test_a_reading_is_within_the_limits_of_the_part(driver: str, bits: str) -> None:
    machine = interpreter(bits)
    example = {
        key: value
        for key, value in PARTS[driver].example.items()
        if value is not None and key not in ("pull", "keep", "interval")
    }
    options = json.dumps({**example, **OPTIONS.get(driver, {})})
    path = (compiled_lib(), compiled_port())
    for seed in SEEDS:
        done = machine.run(
            SCRIPT, driver, options, json.dumps(LIMITS[driver]), str(seed), heap="256K", path=path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert found["wrong"] == [], seed
        assert found["readings"] >= 10, found  # else nothing was tried
        assert (found["errors"] == 0) == (driver in NEVER_FAIL), found
