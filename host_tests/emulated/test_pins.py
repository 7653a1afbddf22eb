"""Real edges, interrupts, timers and PWM of the emulated chip."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from host_tests.emulated.rig import PicoRig

Board = Callable[..., PicoRig]
Step = tuple[int | None, float]
MS = 1000.0

# Looks at a sensor as the node does, for so many ms, and tells what it told.
LISTEN = """
from time import ticks_diff, ticks_ms
def listen(sensor, ms):
    sensor.listen()
    print("listening")
    began = ticks_ms()
    while ticks_diff(ticks_ms(), began) < ms:
        sensor.poll(ticks_ms())
        if sensor.changed:
            tell(sensor.read())
"""


def bounce(level: int, ms: float) -> list[Step]:
    """Ten milliseconds of a contact that is not sure yet, then the level."""
    other = 1 - level
    return [(level, 800), (other, 300), (level, 2500), (other, 100), (level, 6300 + ms * MS)]


def listened(board: Board, make: str, ms: int, waves: dict[int, list[Step]]) -> list[Any]:
    rig = board()
    rig.begin(f"{LISTEN}\nlisten({make}, {ms})", "listening")
    rig.pico.waves(waves)
    return rig.finish()


def test_a_bouncing_contact_tells_each_change_once(board: Board) -> None:
    wave = [(1, 20 * MS), *bounce(0, 150), *bounce(1, 150), *bounce(0, 150)]
    make = "make('digital', pin=15, pull='up', debounce_ms=30)"
    found = listened(board, make, 800, {15: wave})
    assert found == [[0], [1], [0], [1]]  # at the end the pull-up has it again


def test_a_button_that_bounces(board: Board) -> None:
    """One click, two in a row, and a long press."""
    wave: list[Step] = [(1, 50 * MS)]
    for down, up in ((100, 600), (80, 100), (80, 600), (1200, 100)):
        wave += [*bounce(0, down), *bounce(1, up)]
    make = "make('button', pin=15, pull='up', invert=True)"
    found = listened(board, make, 3400, {15: wave})
    assert found == [["click"], ["double"], ["long"]]


@pytest.mark.parametrize("turns", [7, -7])
def test_a_rotary_encoder(board: Board, turns: int) -> None:
    """The two pins a quarter apart, in one direction and in the other."""
    sign = 1 if turns > 0 else -1
    a: list[Step] = [(1, 20 * MS)]
    b: list[Step] = [(1, 20 * MS)]
    for _ in range(abs(turns)):
        first: list[Step] = [(0, 4 * MS), (1, 4 * MS)]
        second: list[Step] = [(1, 2 * MS), (0, 4 * MS), (1, 2 * MS)]
        a += first if turns > 0 else second
        b += second if turns > 0 else first
    make = "make('rotary', pin=14, pin_b=15, pull='up')"
    found = listened(board, make, 400, {14: a, 15: b})
    assert [position for (position,) in found] == list(range(sign, 8 * sign, sign))


@pytest.mark.parametrize("us", [10_000.0, 2000.0, 1000.0])
def test_pulses_are_counted_by_interrupts(board: Board, us: float) -> None:
    """50, 250 and 500 pulses a second, while the program does something else."""
    rig = board()
    count = 60
    rig.begin(
        "s = make('pulse', pin=15, pull='up')\nprint('counting')\n"
        f"time.sleep_ms({round(count * 2 * us / 1000) + 100})\ntell(s.read()[1])",
        "counting",
    )
    steps: list[Step] = [(1, 5 * MS), *[(level, us) for _ in range(count) for level in (0, 1)]]
    rig.pico.waves({15: steps})
    assert rig.finish() == [count]


def test_pulses_with_bounces(board: Board) -> None:
    """Reed contacts of a meter: 25 pulses, each with bounces of up to 9 ms."""
    wave: list[Step] = [(1, 20 * MS)]
    for _ in range(25):
        wave += [*bounce(0, 10), *bounce(1, 10)]
    rig = board()
    rig.begin(
        "s = make('pulse', pin=15, pull='up', debounce_ms=12)\nprint('counting')\n"
        "time.sleep_ms(1200)\ntell(s.read()[1])",
        "counting",
    )
    rig.pico.waves({15: wave})
    assert rig.finish() == [25]


def test_outputs(board: Board) -> None:
    """What the pins do, measured at the pins."""
    rig = board(lights=(10,))
    look = rig.pico.look
    rig.run("from machine import Pin")
    rig.run("s = make('relay', pin=16)\ns.set(True)")
    assert look(16)["level"] == 1
    rig.run("s = make('relay', pin=16, invert=True)\ns.set(True)")
    assert look(16)["level"] == 0
    rig.run("s = make('dimmer', pin=18)\ns.set(25)\ntime.sleep_ms(20)")
    found = look(18)
    assert found["high"] / found["period"] == pytest.approx(0.25, abs=0.002)
    for degrees, us in ((0, 1000), (45, 1500), (90, 2000)):
        rig.run(f"s = make('servo', pin=20)\ns.set({degrees})\ntime.sleep_ms(100)")
        found = look(20)
        assert found["period"] == pytest.approx(20_000, rel=0.001)
        assert found["high"] == pytest.approx(us, rel=0.002)
    rig.run("s = make('buzzer', pin=22, frequency=2000)\ns.set(1)\ntime.sleep_ms(20)")
    assert look(22)["period"] == pytest.approx(500, rel=0.001)
    rig.run("s = make('pixels', pin=10, count=3)\ns.set([1, 128, 255])")
    assert rig.pico.world.pixels["10"] == "0180ff" * 3


def test_an_output_is_safe_from_the_first_moment(board: Board) -> None:
    """A relay that is on when its pin is low never sees it low before it is told to."""
    rig = board()
    rig.pico.pin(17, None)
    before = rig.pico.look(17)["edges"]
    rig.run("s = make('relay', pin=17, invert=True)")
    found = rig.pico.look(17)
    assert (found["level"], found["edges"] - before) == (1, 1)


def test_noise_on_an_analog_input_is_filtered(board: Board) -> None:
    """Noise of 20 mV, a spike now and then: the filters leave a tenth of it."""
    noise = random.Random(1)

    def volts(pin: str) -> int:
        spike = 0.8 if noise.random() < 0.02 else 0.0
        return round(1e6 * (1.5 + noise.gauss(0, 0.02) + spike))

    rig = board()
    rig.pico.world.microvolts = volts  # type: ignore[method-assign]
    code = "s = make('voltage', pin=26, {})\ntell([value(s)[0] for _ in range(30)])"
    plain = rig.run(code.format("samples=1"))[0]
    filtered = rig.run(code.format("samples=64, median=5"))[0]

    def worst(readings: list[float]) -> float:
        return max(abs(reading - 1.5) for reading in readings)

    assert worst(plain) > 0.03
    assert worst(filtered[5:]) < worst(plain) / 3
