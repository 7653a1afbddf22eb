"""Real edges, interrupts, timers and PWM of the emulated chip."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from host_tests.emulated.rig import PicoRig
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.rig import Rig

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


OUTPUTS = [
    ("relay", "pin=16", ("True", "False")), ("relay", "pin=16, invert=True", ("True", "False")),
    ("dimmer", "pin=18", (25, 50.5, 99)), ("servo", "pin=20", (0, 45, 90)),
    ("buzzer", "pin=22, frequency=2000", (1,)),
    ("pixels", "pin=10, count=3", ("[1, 128, 255]", "[0, 0, 0]")),
]  # fmt: skip


def at_the_pin(rig: PicoRig, driver: str, pin: int) -> tuple[float, ...] | str:
    """What an output does, measured: a level; frequency and duty; or the colours of lights."""
    if driver == "pixels":
        return str(rig.pico.world.pixels[str(pin)])
    found = rig.pico.look(pin)
    if driver == "relay":
        return (found["level"],)
    return 1e6 / found["period"], 65_535 * found["high"] / found["period"]


def in_the_world(rig: Rig, driver: str, pin: int) -> tuple[float, ...] | str:
    """The same as the simulated board has set it."""
    if driver == "pixels":
        return str(rig.world.pixels[str(pin)])
    if driver == "relay":
        return (rig.world.level(pin),)
    return rig.world.pwm[str(pin)]


@pytest.mark.parametrize(("driver", "options", "values"), OUTPUTS)
def test_outputs(board: Board, driver: str, options: str, values: tuple[Any, ...]) -> None:
    """What the pins do, measured at the pins, is what the simulated board was told."""
    rig = board(lights=(10,))
    pin = int(re.findall(r"pin=(\d+)", options)[0])
    for value in values:
        code = f"s = make('{driver}', {options})\ns.set({value})\ntime.sleep_ms(100)"
        with Rig(WIDTHS[-1], {}) as simulated:
            simulated.run(code)
            wanted = in_the_world(simulated, driver, pin)
        rig.run(code)
        found = at_the_pin(rig, driver, pin)
        if isinstance(wanted, str):
            assert found == wanted
        else:
            assert found == pytest.approx(wanted, rel=0.002), value


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
