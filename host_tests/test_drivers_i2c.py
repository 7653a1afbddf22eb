"""Drivers of parts on I2C, in MicroPython, against register-level models of the parts."""

from __future__ import annotations

from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.rig import Rig
from tools.play.sim import i2c_parts

BUS = "i2c:21,22"
AT = "sda=21, scl=22"
# Driver, what its part measures, how near the reading comes, in the order of FIELDS.
PARTS: list[tuple[str, dict[str, float], tuple[float, ...]]] = [
    ("bme280", {"temperature": 21.5, "pressure": 1013.25, "humidity": 45.0}, (0.01, 0.03, 0.02)),
    ("bme280", {"temperature": -39.9, "pressure": 300.5, "humidity": 0.0}, (0.01, 0.03, 0.02)),
    ("bme280", {"temperature": 84.9, "pressure": 1099.0, "humidity": 99.9}, (0.01, 0.03, 0.03)),
    ("sht3x", {"temperature": 21.5, "humidity": 45.0}, (0.011, 0.011)),
    ("sht3x", {"temperature": -40.0, "humidity": 0.0}, (0.011, 0.011)),
    ("sht3x", {"temperature": 125.0, "humidity": 100.0}, (0.011, 0.011)),
    ("aht20", {"temperature": 21.5, "humidity": 45.0}, (0.011, 0.011)),
    ("aht20", {"temperature": -40.0, "humidity": 99.9}, (0.011, 0.011)),
    ("bh1750", {"illuminance": 0.0}, (0.0,)),
    ("bh1750", {"illuminance": 1.7}, (0.04,)),
    ("bh1750", {"illuminance": 54000.0}, (0.42,)),
    ("ads1115", {"a0": 1.2345}, (0.0002,)),
    ("ads1115", {"a0": -0.3}, (0.0002,)),
    ("ina219", {"voltage": 12.0, "current": 0.5}, (0.004, 0.0002, 0.01)),
    ("ina219", {"voltage": 26.0, "current": -3.1}, (0.004, 0.0002, 0.1)),
    ("scd4x", {"carbon_dioxide": 800, "temperature": 21.5, "humidity": 45.0}, (0, 0.011, 0.011)),
    ("scd4x", {"carbon_dioxide": 5000, "temperature": -9.9, "humidity": 0.0}, (0, 0.011, 0.011)),
]
DRIVERS = sorted({name for name, _, _ in PARTS})
pytestmark = pytest.mark.parametrize("bits", WIDTHS)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SCD4x measures four times a second in the tests that do not look at its time."""
    monkeypatch.setattr(i2c_parts.Scd4x, "PERIOD_S", 0.25)


def rig(bits: str, model: str, **values: Any) -> Rig:
    return Rig(bits, {BUS: {"model": model, **values}})


READ = """
def read(sensor):
    found = sensor.start()
    while isinstance(found, int):
        time.sleep_ms(min(found, 301))
        found = sensor.read()
    return found
"""


@pytest.mark.parametrize(("driver", "values", "near"), PARTS)
def test_value(bits: str, driver: str, values: dict[str, float], near: tuple[float, ...]) -> None:
    with rig(bits, driver, **values) as board:
        read, fields = board.run(
            f"{READ}\ns = make('{driver}', {AT})\ntell(read(s))\ntell(s.FIELDS)"
        )
    wanted = list(values.values())
    if driver == "ina219":
        wanted.append(wanted[0] * wanted[1])
    assert len(read) == len(fields) == len(wanted)
    for found, value, within in zip(read, wanted, near, strict=True):
        assert abs(found - value) <= within, (read, wanted)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_time_it_says_is_enough(bits: str, driver: str) -> None:
    """The model answers as the part does: not before it has measured, at the longest."""
    with rig(bits, driver) as board:
        i2c_parts.Scd4x.PERIOD_S = 5.0
        (ok,) = board.run(f"s = make('{driver}', {AT})\nvalue(s)\ntell(len(value(s)) > 0)")
    assert ok


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_part_that_is_not_there(bits: str, driver: str) -> None:
    with Rig(bits, {BUS: [{"model": driver, "fault": "absent"}, {"model": "bmp280"}]}) as board:
        address = f"0x{i2c_parts.MODELS[driver].ADDRESS:02x}"
        if driver == "bme280":
            board.part(BUS, 1).address = 0x77
        code = f"tell(told(lambda: value(make('{driver}', {AT}))))"
        (said,) = board.run(code)
    seen = "0x77" if driver == "bme280" else "0x76"
    assert said == (
        f"OSError: {driver} at {address}: no answer, check SDA, SCL and power; on the bus: {seen}"
    )


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_part_that_goes_away_and_comes_back(bits: str, driver: str) -> None:
    """Pulled out between two readings, and put back."""
    with rig(bits, driver) as board:
        part = board.part(BUS)

        def pull_out(pin: str, level: int) -> None:
            part.fault = "absent" if level else ""

        board.world.output = pull_out  # type: ignore[method-assign]
        code = f"""{READ}
from machine import Pin
pull_out = Pin(99, Pin.OUT)
s = make('{driver}', {AT})
tell(len(read(s)))
pull_out.value(1)
tell(told(read, s))
pull_out.value(0)
tell(len(read(s)))
"""
        before, said, after = board.run(code)
    assert "no answer" in said
    assert before == after > 0


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("when", ["between", "while it measures"])
def test_a_part_that_is_reset_or_replugged_recovers(bits: str, driver: str, when: str) -> None:
    """It has forgotten all it was told; after one error at most, every reading is right."""
    values = {"a0": 1.25} if driver == "ads1115" else {}
    options = ', channel="0-1", range=2.048' if driver == "ads1115" else ""
    with rig(bits, driver, **values) as board:
        part = board.part(BUS)

        def replug(pin: str, level: int) -> None:
            if driver == "bme280":
                part.T = (27000, 26000, -900)  # another of its kind
                part.P = (36000, -10500, *part.P[2:])
            part.power_on()

        board.world.output = replug  # type: ignore[method-assign]
        code = f"""{READ}
from machine import Pin
s = make('{driver}', {AT}{options})
tell(read(s))
replug = Pin(99, Pin.OUT)
if "{when}" == "between":
    replug.value(1)
else:
    found = s.start()
    time.sleep_ms(min(found, 301) // 2)
    replug.value(1)
    def rest():
        global found
        while isinstance(found, int):
            time.sleep_ms(min(found, 301))
            found = s.read()
        return found
    tell(told(rest))
tell(told(read, s))
tell(told(read, s))
"""
        right, *later = board.run(code)
    errors = [each for each in later if isinstance(each, str)]
    assert len(errors) <= 1 and later[-1] not in errors, later
    for found in later:
        assert found in errors or found == pytest.approx(right, abs=0.03)


def test_a_bme280_whose_calibration_is_not_there_yet_gets_it_later(bits: str) -> None:
    with rig(bits, "bme280", copy_s=600) as board:
        part = board.part(BUS)

        def copied(pin: str, level: int) -> None:
            part._copied = 0.0

        board.world.output = copied  # type: ignore[method-assign]
        code = f"""
from machine import Pin
s = make('bme280', {AT})
tell(told(value, s))
Pin(99, Pin.OUT).value(1)
tell(value(s))
"""
        said, found = board.run(code)
    assert said == (
        "ValueError: bme280 at 0x76: its calibration is not ready, it was just switched on"
    )
    assert found == pytest.approx([21.5, 1013.25, 45.0], abs=0.03)


@pytest.mark.parametrize("byte", [0x00, 0xFF])
@pytest.mark.parametrize("registers", [range(0x88, 0xA0), range(0xE1, 0xE8)])
def test_a_bme280_with_an_empty_calibration_reads_it_anew(
    bits: str, byte: int, registers: range
) -> None:
    with rig(bits, "bme280") as board:
        part = board.part(BUS)
        for register in registers:
            part.registers[register] = byte

        def filled(pin: str, level: int) -> None:
            part.calibrate()

        board.world.output = filled  # type: ignore[method-assign]
        code = f"""
from machine import Pin
s = make('bme280', {AT})
tell(told(value, s))
Pin(99, Pin.OUT).value(1)
tell(value(s))
"""
        said, found = board.run(code)
    assert said == "ValueError: bme280 at 0x76: its calibration is empty"
    assert found == pytest.approx([21.5, 1013.25, 45.0], abs=0.03)


def test_a_bme280_with_a_wrong_calibration_reads_it_anew(bits: str) -> None:
    """What it says is far from what it can measure, which is how one knows."""
    with rig(bits, "bme280") as board:
        part = board.part(BUS)
        part.store(0x88, b"\x70\x00")  # half of the first word is there

        def filled(pin: str, level: int) -> None:
            part.calibrate()

        board.world.output = filled  # type: ignore[method-assign]
        code = f"""
from machine import Pin
s = make('bme280', {AT})
tell(told(value, s))
Pin(99, Pin.OUT).value(1)
tell(value(s))
"""
        said, found = board.run(code)
    assert said.startswith("ValueError: bme280 at 0x76: ")
    assert "; it measures " in said
    assert found == pytest.approx([21.5, 1013.25, 45.0], abs=0.03)


def test_an_sht3x_that_measures_by_itself_gets_a_break(bits: str) -> None:
    """As another program may have left it; a reset of the board does not change that."""
    with rig(bits, "sht3x", fault="periodic") as board:
        board.part(BUS).heater = True
        (found,) = board.run(f"tell(value(make('sht3x', {AT})))")
    assert found == pytest.approx([21.5, 45.0], abs=0.011)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_bus_that_is_stuck(bits: str, driver: str) -> None:
    with rig(bits, driver, fault="stuck") as board:
        (said,) = board.run(f"tell(told(lambda: value(make('{driver}', {AT}))))")
    assert said.endswith(
        "the bus is stuck, SDA or SCL is held low: check the wires, then the power"
    )


@pytest.mark.parametrize("driver", DRIVERS)
def test_sda_that_is_held_low(bits: str, driver: str) -> None:
    """All is acknowledged then, and each byte is 0: from the start, and from some time on."""
    wanted = (
        f"OSError: {driver} at 0x{i2c_parts.MODELS[driver].ADDRESS:02x}: the bus is stuck, "
        "SDA is held low: check the wires, then the power"
    )
    with rig(bits, driver, fault="sda low") as board:
        assert board.run(f"{READ}\ntell(told(lambda: read(make('{driver}', {AT}))))") == [wanted]
    with rig(bits, driver) as board:
        part = board.part(BUS)

        def short(pin: str, level: int) -> None:
            part.fault = "sda low"

        board.world.output = short  # type: ignore[method-assign]
        code = f"""{READ}
from machine import Pin
s = make('{driver}', {AT})
tell(len(read(s)))
Pin(99, Pin.OUT).value(1)
tell(told(read, s))
"""
        assert board.run(code)[1:] == [wanted]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_part_that_was_cut_off_in_an_answer_lets_go_of_sda(bits: str, driver: str) -> None:
    """As by a spike on SCL while the board runs: what is read next clocks it to its end."""
    with rig(bits, driver) as board:
        part = board.part(BUS)

        def spike(pin: str, level: int) -> None:
            part.fault, part.clocks = "sda low", 9

        board.world.output = spike  # type: ignore[method-assign]
        code = f"""{READ}
from machine import Pin
s = make('{driver}', {AT})
tell(read(s))
Pin(99, Pin.OUT).value(1)
tell(told(read, s))
tell(told(read, s))
"""
        right, first, second = board.run(code)
    assert isinstance(first, str) or first == pytest.approx(right, abs=0.03)
    assert second == pytest.approx(right, abs=0.03)


def test_a_bh1750_whose_sensitivity_was_changed(bits: str) -> None:
    """By another program, before a reset of the board, which does not change that."""
    with rig(bits, "bh1750", illuminance=100.0) as board:
        board.part(BUS).sensitivity = 254
        assert board.run(f"tell(value(make('bh1750', {AT})))") == [[100.0]]


def test_a_bme280_that_was_left_measuring_with_a_filter(bits: str) -> None:
    with rig(bits, "bme280") as board:
        part = board.part(BUS)
        part.registers.update({0xF4: 0x27, 0xF5: 0x1C})
        part._config = 0x1C
        ((celsius, *_),) = board.run(f"tell(value(make('bme280', {AT})))")
    assert abs(celsius - 21.5) <= 0.01
    assert part.registers[0xF5] == 0


def test_an_ads1115_that_converts_without_end_is_stopped(bits: str) -> None:
    """As another program may have left it; a reset of the board does not change that."""
    with rig(bits, "ads1115", a0=1.25, fault="continuous") as board:
        ((volts,),) = board.run(f"tell(value(make('ads1115', {AT})))")
    assert abs(volts - 1.25) < 0.001


@pytest.mark.parametrize("clocks", [1, 9])
def test_a_part_that_a_reset_cut_off_in_an_answer(bits: str, clocks: int) -> None:
    """It holds SDA until it has told the rest; nine clocks are enough for any."""
    with rig(bits, "bme280", fault="sda low", clocks=clocks) as board:
        ((celsius, *_),) = board.run(f"tell(value(make('bme280', {AT})))")
    assert abs(celsius - 21.5) <= 0.01


def test_an_aht20_that_lost_its_power_calibrates_itself_anew(bits: str) -> None:
    with rig(bits, "aht20", temperature=-0.01, fault="no power") as board:
        said, found = board.run(f"s = make('aht20', {AT})\ntell(told(value, s))\ntell(value(s))")
    assert said == "ValueError: aht20 at 0x38: it lost its power while it measured"
    assert found[0] == -0.01  # with no digits of noise
    assert abs(found[1] - 45.0) <= 0.011


@pytest.mark.parametrize("driver", ["aht20", "sht3x"])
def test_a_part_is_started_in_the_breath_in_which_it_is_made(bits: str, driver: str) -> None:
    with rig(bits, driver) as board:
        ((celsius, _),) = board.run(f"tell(value(make('{driver}', {AT})))")
    assert abs(celsius - 21.5) <= 0.011


@pytest.mark.parametrize("driver", ["sht3x", "aht20", "scd4x"])
def test_a_bad_checksum(bits: str, driver: str) -> None:
    with rig(bits, driver, fault="bad crc") as board:
        (said,) = board.run(f"{READ}\ntell(told(lambda: read(make('{driver}', {AT}))))")
    assert "ValueError" in said
    assert "bad checksum: check the wires, and keep them short" in said


@pytest.mark.parametrize("driver", ["bme280", "aht20", "ads1115", "ina219", "sht3x"])
def test_a_part_that_is_too_slow(bits: str, driver: str) -> None:
    with rig(bits, driver, fault="slow") as board:
        (said,) = board.run(f"{READ}\ntell(told(lambda: read(make('{driver}', {AT}))))")
    assert "still measuring" in said or "no answer" in said


@pytest.mark.parametrize(
    ("driver", "values", "what"),
    [
        ("sht3x", {"temperature": 129.0}, "temperature in C: 129; it measures -40 to 125"),
        ("aht20", {"temperature": -45.0}, "temperature in C: -45; it measures -40 to 85"),
        ("bme280", {"temperature": 95.0}, "temperature in C: 95; it measures -40 to 85"),
        ("bme280", {"pressure": 250.0}, "pressure in hPa: 250; it measures 300 to 1100"),
        ("scd4x", {"carbon_dioxide": 0}, "carbon_dioxide in ppm: 0; it measures 1 to 40000"),
        ("ina219", {"voltage": 30.0}, "voltage in V: 30; it measures 0 to 26"),
        ("ads1115", {"a0": -0.4}, "-0.400 V, but an input takes -0.3 V to 5.8 V"),
        ("bme280", {"fault": "wrong part"}, "chip id 0x55; this is no BME280 or BMP280"),
        ("bh1750", {"illuminance": 90_000.0}, "too bright, more than 54612 lx"),
        ("ads1115", {"a0": 5.0}, "at the end of its range, 4.096 V; set a larger one"),
        ("ads1115", {"a0": -5.0}, "at the end of its range, 4.096 V; set a larger one"),
        (
            "ina219",
            {"current": 4.0},
            "more than 320 mV at the shunt; use one of less than 0.1 ohms",
        ),
    ],
)
def test_out_of_range(bits: str, driver: str, values: dict[str, Any], what: str) -> None:
    with rig(bits, driver, **values) as board:
        (said,) = board.run(f"tell(told(lambda: value(make('{driver}', {AT}))))")
    assert said.startswith("ValueError: ")
    assert said.endswith(what)


def test_bmp280_has_no_humidity(bits: str) -> None:
    with rig(bits, "bmp280", temperature=25.0, pressure=950.0) as board:
        fields, read = board.run(
            f"s = make('bme280', {AT})\ntell([about[0] for about in s.FIELDS])\ntell(value(s))"
        )
    assert fields == ["temperature", "pressure"]
    assert abs(read[0] - 25.0) <= 0.01
    assert abs(read[1] - 950.0) <= 0.03


def test_bme280_as_the_datasheet_works_it_out(bits: str) -> None:
    """BST-BMP280-DS001, 3.12: 519888 and 415148 are 25.08 C and 100653.27 Pa."""
    with rig(bits, "bmp280") as board:
        code = f"""
s = make('bme280', {AT})
s.start()
fine = s._fine(519888)
tell(fine)
tell((fine * 5 + 128) >> 8)
tell(s._pascals(415148, fine) / 256)
"""
        fine, celsius, pascals = board.run(code)
    assert (fine, celsius) == (128422, 2508)
    assert abs(pascals - 100653.27) < 0.3  # the example is in floating point


def percent_by_bosch(calibration: tuple[int, ...], raw: int, fine: float) -> float:
    """Relative humidity as BST-BME280-DS002 has it in floating point, 8.1."""
    h1, h2, h3, h4, h5, h6 = calibration
    humidity = fine - 76800.0
    offset = h4 * 64.0 + h5 / 16384.0 * humidity
    slope = 1.0 + h3 / 67108864.0 * humidity
    humidity = (raw - offset) * (h2 / 65536.0 * (1.0 + h6 / 67108864.0 * humidity * slope))
    humidity *= 1.0 - h1 * humidity / 524288.0
    return min(max(humidity, 0.0), 100.0)


FINE = (-150_000, 0, 76_800, 128_422, 300_000, 400_000)  # -29 to 78 C
# Of parts as they are sold, and one whose words are all negative that may be, and large.
CALIBRATIONS = [
    (75, 370, 0, 313, 50, 30),
    (75, 360, 40, 320, -30, 30),
    (0, 380, 90, -310, -80, -90),
]


@pytest.mark.parametrize("words", CALIBRATIONS)
def test_humidity_with_every_word_of_the_calibration(bits: str, words: tuple[int, ...]) -> None:
    with rig(bits, "bme280") as board:
        part = board.part(BUS)
        part.H = words
        part.calibrate()
        code = f"""
s = make('bme280', {AT})
s.start()
for fine in {FINE}:
    for raw in range(0, 65536, 1500):
        tell(s._humidity(raw, fine) / 1024)
"""
        found = board.run(code)
    draws = [(raw, fine) for fine in FINE for raw in range(0, 65536, 1500)]
    wanted = [percent_by_bosch(words, raw, fine) for raw, fine in draws]
    assert sum(0 < each < 100 for each in wanted) >= 20
    for value, right, draw in zip(found, wanted, draws, strict=True):
        assert abs(value - right) < 0.05, (draw, value, right)


def test_checksums_as_the_datasheets_give_them(bits: str) -> None:
    with rig(bits, "sht3x") as board:
        assert board.run(
            "from sensors.shared.crc8 import crc8\n"
            "tell([crc8(b'\\xbe\\xef'), crc8(b'\\xbe\\xef\\x92')])"
        ) == [[0x92, 0]]


TAKE = """
def take(sensor, found):
    while isinstance(found, int):
        time.sleep_ms(found)
        found = sensor.read()
    return found[0]
"""


@pytest.mark.parametrize("between", [0, 4, 12])
def test_sensors_that_share_an_ads1115_get_their_own_channels(bits: str, between: int) -> None:
    """The part measures for 8 ms, and heeds nobody meanwhile."""
    with rig(bits, "ads1115", a0=1.0, a1=0.25, a2=3.0) as board:
        code = f"""{TAKE}
a, b, c = [make('ads1115', {AT}, channel=i) for i in range(3)]
first = a.start()
time.sleep_ms({between})
second = b.start()
time.sleep_ms({between})
third = c.start()
tell([take(a, first - {between}), take(b, second), take(c, third)])
tell([take(c, c.start()), take(a, a.start())])
"""
        (a, b, c), (c_again, a_again) = board.run(code)
    assert abs(a - 1.0) < 0.001 and abs(a_again - 1.0) < 0.001
    assert abs(b - 0.25) < 0.001
    assert abs(c - 3.0) < 0.001 and abs(c_again - 3.0) < 0.001


def test_an_ads1115_that_others_keep_for_themselves(bits: str) -> None:
    with rig(bits, "ads1115") as board:
        code = f"""{TAKE}
a, b = make('ads1115', {AT}), make('ads1115', {AT}, channel=1)
def late():
    found = a.start()
    while isinstance(found, int):
        take(b, b.start())
        found = a.read()
tell(told(late))
"""
        (said,) = board.run(code)
    assert said.startswith("ValueError: ads1115 at 0x48: other channels leave no time for it; ")


def test_two_channels_and_a_difference_of_one_ads1115(bits: str) -> None:
    with rig(bits, "ads1115", a0=1.0, a1=0.25, a3=2.0) as board:
        code = f"""
for channel in (1, 3, "0-1"):
    tell(value(make('ads1115', {AT}, channel=channel, scale=10.0, unit="bar")))
"""
        found = board.run(code)
    for (value,), wanted in zip(found, (2.5, 20.0, 7.5), strict=True):
        assert abs(value - wanted) < 0.01


def test_others_go_on_while_a_sensor_measures(bits: str) -> None:
    models = [{"model": "bh1750", "illuminance": 100.0}, {"model": "aht20", "temperature": 3.0}]
    with Rig(bits, {BUS: models}) as board:
        code = f"""
import asyncio
from sensors.shared.wait import measure
async def main():
    turns = [0]
    async def other():
        while True:
            turns[0] += 1
            await asyncio.sleep_ms(5)
    task = asyncio.create_task(other())
    began = time.ticks_ms()
    light, air = make('bh1750', {AT}), make('aht20', {AT})
    found = await asyncio.gather(measure(light), measure(air))
    tell([found[0][0], found[1][0], turns[0], time.ticks_diff(time.ticks_ms(), began)])
asyncio.run(main())
"""
        ((lux, celsius, turns, ms),) = board.run(code)
    assert (lux, round(celsius)) == (100, 3)
    assert turns > 10 and ms >= 181
