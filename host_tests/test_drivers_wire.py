"""DHT, DS18B20 and the ultrasonic sensor in MicroPython, against models of the parts."""

from __future__ import annotations

from typing import Any

import pytest

from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.rig import Rig
from tools.play.sim.wires import Ds18b20, crc8

WIRE = "wire:4"
PAUSE_MS = 50  # of a DHT, in the tests that do not look at its time
pytestmark = pytest.mark.parametrize("bits", WIDTHS)


def rig(bits: str, *models: dict[str, Any]) -> Rig:
    return Rig(bits, {WIRE: list(models)})


@pytest.mark.parametrize(
    ("driver", "temperature", "humidity"),
    [
        ("dht22", 21.5, 45.0), ("dht22", -40.0, 0.0), ("dht22", 80.0, 99.9), ("dht22", -0.1, 50.0),
        ("dht11", 21, 45), ("dht11", 0, 20), ("dht11", 50, 90),
        ("dht11", 21.7, 45.3), ("dht11", -0.1, 5.0), ("dht11", -19.9, 95.0),
    ],
)  # fmt: skip
def test_dht(bits: str, driver: str, temperature: float, humidity: float) -> None:
    with rig(bits, {"model": driver, "temperature": temperature, "humidity": humidity}) as board:
        (found,) = board.run(f"tell(value(make('{driver}', pin=4)))")
    assert found == pytest.approx([temperature, humidity], abs=0.001)


@pytest.mark.parametrize("temperature", [-0.1, -0.2, -18.0, -40.0])
def test_dht22_that_has_a_twos_complement_below_zero(bits: str, temperature: float) -> None:
    """As some makers' parts have it; the manual has a sign and a magnitude."""
    with rig(bits, {"model": "dht22", "temperature": temperature, "complement": True}) as board:
        (found,) = board.run("tell(value(make('dht22', pin=4)))")
    assert found == pytest.approx([temperature, 45.0], abs=0.001)


@pytest.mark.parametrize(
    ("driver", "frame", "seen"),
    [
        ("dht22", "00000000", "0.0 C, 0.0 %"),  # nothing: and its checksum is right
        ("dht22", "01c25555", "2184.5 C, 45.0 %"),
        ("dht22", "01c20321", "80.1 C, 45.0 %"),
        ("dht22", "01c28191", "-40.1 C, 45.0 %"),
        ("dht22", "01c2fe6f", "-40.1 C, 45.0 %"),
        ("dht22", "03e900d7", "21.5 C, 100.1 %"),
        ("dht22", "2d001507", "538.3 C, 1152.0 %"),  # a DHT11
        ("dht11", "00000000", "0.0 C, 0.0 %"),
        ("dht11", "2d003d00", "61.0 C, 45.0 %"),
        ("dht11", "2d001481", "-20.1 C, 45.0 %"),
    ],
)
def test_dht_says_what_it_cannot_measure(bits: str, driver: str, frame: str, seen: str) -> None:
    limits = "-40 to 80 C, 0 to 100 %" if driver == "dht22" else "-20 to 60 C, 5 to 95 %"
    with rig(bits, {"model": driver, "frame": frame}) as board:
        (said,) = board.run(f"tell(told(value, make('{driver}', pin=4)))")
    assert said == (
        f"ValueError: {driver.upper()}: {seen}; it measures {limits}: check the wire, and which "
        "kind it is"
    )


def test_dht11_that_is_a_dht22(bits: str) -> None:
    with rig(bits, {"model": "dht22", "temperature": 21.5, "humidity": 45.0}) as board:
        (said,) = board.run("tell(told(value, make('dht11', pin=4)))")
    assert said == "ValueError: DHT11: 87 and 194 tenths; use the driver dht22"


@pytest.mark.parametrize("bad", [1, 2])
def test_dht_a_bad_checksum_is_tried_again_and_counted(bits: str, bad: int) -> None:
    with rig(bits, {"model": "dht22", "bad": bad}) as board:
        board.part(WIRE).pause = PAUSE_MS / 1000
        found, counted = board.run(
            f"s = make('dht22', pin=4)\ns.PAUSE_MS = {PAUSE_MS + 1}\ntell(value(s))\ntell(s.bad)"
        )
    assert found == pytest.approx([21.5, 45.0], abs=0.001)
    assert counted == bad


@pytest.mark.parametrize("driver", ["dht11", "dht22"])
def test_dht_faults(bits: str, driver: str) -> None:
    with rig(bits, {"model": driver, "bad": -1}) as board:
        board.part(WIRE).pause = PAUSE_MS / 1000
        said, counted = board.run(
            f"s = make('{driver}', pin=4)\ns.PAUSE_MS = {PAUSE_MS + 1}\n"
            "tell(told(value, s))\ntell(s.bad)"
        )
    assert said == f"ValueError: {driver.upper()}: bad checksum three times; use a shorter wire"
    assert counted == 3
    with rig(bits, {"model": driver, "fault": "absent"}) as board:
        (said,) = board.run(f"tell(told(value, make('{driver}', pin=4)))")
    assert said == f"OSError: {driver.upper()}: no answer; check the pin, its pull-up and power"


@pytest.mark.parametrize("driver", ["dht11", "dht22"])
def test_dht_is_not_asked_again_before_it_answers(bits: str, driver: str) -> None:
    with rig(bits, {"model": driver}) as board:
        found = board.run(
            f"s = make('{driver}', pin=4)\ntell(s.start())\nfor _ in range(2): tell(value(s))"
        )
    assert found == [0, *[[21.5, 45]] * 2]


# 19-7487, table 1
TABLE = [(125, 0x07D0), (85, 0x0550), (25.0625, 0x0191), (10.125, 0x00A2), (0.5, 0x0008), (0, 0),
         (-0.5, 0xFFF8), (-10.125, 0xFF5E), (-25.0625, 0xFE6F), (-55, 0xFC90)]  # fmt: skip


def test_ds18b20_as_the_datasheet_has_it(bits: str) -> None:
    with rig(bits, {"model": "ds18b20", "seconds": 0.01}) as board:
        part = board.part(WIRE)
        for celsius, raw in TABLE:
            part.temperature = celsius
            part.convert()
            part._ready = 0
            assert int.from_bytes(part.scratchpad()[:2], "little") == raw
            (found,) = board.run(
                "s = make('ds18b20', pin=4)\ns.start()\ntime.sleep_ms(12)\ntell(s.read())"
            )
            assert found == [celsius]


@pytest.mark.parametrize("clone", ["", "b", "c"])
def test_ds18b20_at_85_degrees_or_after_its_power_was_off(bits: str, clone: str) -> None:
    """It has 85.0 after power-on as well; Maxim's part and clones each in their way."""
    with rig(bits, {"model": "ds18b20", "temperature": 85.0, "clone": clone}) as board:
        part = board.part(WIRE)
        part.seconds = 0.0

        def power(pin: str, level: int) -> None:
            part.fault = "weak" if level else ""

        board.world.output = power  # type: ignore[method-assign]
        code = """
from machine import Pin
weak = Pin(99, Pin.OUT)
def read():
    s.start()
    return s.read()
s = make('ds18b20', pin=4)
tell(read())
weak.value(1)
tell(told(read))
tell(told(read))
weak.value(0)
tell(read())
tell(read())
"""
        first, weak, still, again, last = board.run(code)
    assert first == again == last == [85.0]
    assert weak == still == "ValueError: ds18b20: it lost its power while it measured"


def test_ds18b20_the_time_it_says_is_enough(bits: str) -> None:
    with rig(bits, {"model": "ds18b20", "temperature": -7.25}) as board:
        assert board.run("tell(value(make('ds18b20', pin=4)))") == [[-7.25]]


def test_ds18b20_one_among_several(bits: str) -> None:
    models = [{"model": "ds18b20", "serial": i, "temperature": i, "seconds": 0} for i in (1, 2, 3)]
    with rig(bits, *models) as board:
        rom = board.part(WIRE, 1).rom.hex()
        code = f"""
tell(value(make('ds18b20', pin=4, rom='{rom}')))
tell(told(make, 'ds18b20', pin=4))
tell(told(make, 'ds18b20', pin=4, rom='2800000000000000'))
"""
        found, several, other = board.run(code)
    assert found == [2]
    assert several.startswith("ValueError: ds18b20: several are on the wire; set rom to one of 28")
    assert rom in several
    assert other.startswith("ValueError: ds18b20: 2800000000000000 is not on the wire; there are ")


def test_ds18b20_several_are_read_side_by_side(bits: str) -> None:
    """One that begins does not make the others begin again."""
    models = [{"model": "ds18b20", "serial": i, "temperature": i} for i in (1, 2)]
    with rig(bits, *models) as board:
        roms = [part.rom.hex() for part in board.world.wires["4"].parts]
        code = f"""
first, second = [make('ds18b20', pin=4, rom=each) for each in {roms}]
ms = first.start()
time.sleep_ms(100)
later = second.start()
time.sleep_ms(ms - 100)
tell(first.read())
time.sleep_ms(later - ms + 100)
tell(second.read())
"""
        assert board.run(code) == [[1], [2]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("absent", "OSError: ds18b20: no answer; check the pin, its pull-up and power"),
        ("short", "OSError: ds18b20: the wire is held low; check it for a short"),
    ],
)
@pytest.mark.parametrize("others", [0, 1])
def test_ds18b20_pulled_out_or_shorted_while_it_measures(
    bits: str, change: str, said: str, others: int
) -> None:
    models = [{"model": "ds18b20", "serial": i, "seconds": 0} for i in range(1 + others)]
    with rig(bits, *models) as board:
        part = board.part(WIRE)

        def pull_out(pin: str, level: int) -> None:
            part.fault = change

        board.world.output = pull_out  # type: ignore[method-assign]
        code = f"""
from machine import Pin
s = make('ds18b20', pin=4, rom='{part.rom.hex()}')
s.start()
Pin(99, Pin.OUT).value(1)
tell(told(s.read))
tell(s.bad)
"""
        assert board.run(code) == [said, 0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("absent", "OSError: ds18b20: no answer; check the pin, its pull-up and power"),
        (
            "bad crc",
            "ValueError: ds18b20: bad checksum three times; check the wire and pull-up",
        ),
        ("weak", "ValueError: ds18b20: it lost its power while it measured"),
        ("failed", "ValueError: ds18b20: 127.938 C; it measures -55 to 125 C"),
    ],
)
def test_ds18b20_faults(bits: str, fault: str, said: str) -> None:
    with rig(bits, {"model": "ds18b20", "fault": fault, "seconds": 0.01}) as board:
        assert board.run("tell(told(lambda: value(make('ds18b20', pin=4))))") == [said]


def test_ds18b20_checksum_of_the_datasheet(bits: str) -> None:
    """Maxim's application note 27: the ROM of 02 1C B8 01 00 00 00 has A2."""
    assert bits
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2
    assert crc8(Ds18b20().rom) == 0


@pytest.mark.parametrize("metres", [0.02, 0.5, 1.0, 3.999])
def test_distance(bits: str, metres: float) -> None:
    parts = {"wire:5": {"model": "hc-sr04", "distance": metres, "temperature": 30.0}}
    with Rig(bits, parts) as board:
        (found,) = board.run("tell(value(make('distance', pin=4, echo=5, temperature=30.0)))")
    assert found == pytest.approx([metres], abs=0.001)


def test_distance_with_nothing_in_reach(bits: str) -> None:
    for model in ({"distance": 3.0}, {"distance": 9.0}, {"fault": "absent"}):
        with Rig(bits, {"wire:5": {"model": "hc-sr04", **model}}) as board:
            code = "tell(told(value, make('distance', pin=4, echo=5, most=2.0)))"
            (said,) = board.run(code)
        assert said.startswith("OSError: distance: no echo; nothing is in reach, or check trigger")


def test_distance_too_near(bits: str) -> None:
    with Rig(bits, {"wire:5": {"model": "hc-sr04", "distance": 0.012}}) as board:
        (said,) = board.run("tell(told(value, make('distance', pin=4, echo=5)))")
    assert said == "ValueError: distance: 0.012 m: too near; it measures from 0.02 m"


def test_distance_whose_echo_stays_high(bits: str) -> None:
    """For good, which is told; or until somebody pulls it low, as in an HC-SR04P."""
    with Rig(bits, {"wire:5": {"model": "hc-sr04", "fault": "high"}}) as board:
        (said,) = board.run("tell(told(value, make('distance', pin=4, echo=5)))")
    assert said == ("OSError: distance: ECHO stays high; check its wire, or turn power off and on")
    with Rig(bits, {"wire:5": {"model": "hc-sr04", "distance": 9.0, "fault": "holds"}}) as board:
        part = board.part("wire:5")
        output = board.world.output

        def nearer(pin: str, level: int) -> None:
            part.distance = 1.5 if pin == "99" else part.distance
            output(pin, level)

        board.world.output = nearer  # type: ignore[method-assign]
        code = """
from machine import Pin
s = make('distance', pin=4, echo=5)
tell(told(value, s))
Pin(99, Pin.OUT).value(1)
tell(value(s))
"""
        said, found = board.run(code)
    assert said.startswith("OSError: distance: no echo")
    assert found == [pytest.approx(1.5, abs=0.001)]


def test_distance_again_and_again_at_once(bits: str) -> None:
    """From nothing in reach to something, with no pause between the readings."""
    with Rig(bits, {"wire:5": {"model": "hc-sr04", "distance": 9.0}}) as board:
        part = board.part("wire:5")

        def nearer(pin: str, level: int) -> None:
            part.distance = 1.5 if pin == "99" else part.distance

        board.world.output = nearer  # type: ignore[method-assign]
        code = """
from machine import Pin
s = make('distance', pin=4, echo=5)
tell(told(value, s))
Pin(99, Pin.OUT).value(1)
tell(value(s))
tell(value(s))
"""
        said, *found = board.run(code)
    assert said.startswith("OSError: distance: no echo")
    assert found == [[pytest.approx(1.5, abs=0.001)]] * 2
