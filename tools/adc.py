"""docs/adc.md and adc.svg: noise in, error out, of the analog chain; tools.generated writes them.

The code of lib/sensors itself, under CPython, before an ADC of 12 bit with Gaussian noise and now
and then a spike, as a radio beside it makes them. The draw is fixed, so the page is the same each
time.
"""

from __future__ import annotations

import importlib
import math
import random
import sys
from pathlib import Path
from typing import Any

from tools.paths import LIB, ROOT

STUB = ROOT / "host_tests" / "cpython"  # of what MicroPython has built in
PAGE = ROOT / "docs" / "adc.md"
PICTURE = ROOT / "docs" / "adc.svg"
NOISE_MV = (0, 5, 10, 20, 30, 50, 70, 100)
SPIKES = 0.02  # of the samples
READINGS = 1500
CHAINS: dict[str, tuple[dict[str, Any], str]] = {
    "one sample": ({"samples": 1}, "#c0392b"),
    "16 samples (the default)": ({"samples": 16}, "#2980b9"),
    "64 samples": ({"samples": 64}, "#8e44ad"),
    "16 samples, median of 5": ({"samples": 16, "median": 5}, "#27ae60"),
    "16 samples, smooth 0.8": ({"samples": 16, "smooth": 0.8}, "#d35400"),
}


class Adc:
    """12 bit, 3.3 V, with noise."""

    def __init__(self, noise_v: float, seed: int) -> None:
        self._draw = random.Random(seed)
        self._noise = noise_v
        self.volts = 0.0

    def read_u16(self) -> int:
        """A sample, as MicroPython widens it."""
        volts = self.volts + self._draw.gauss(0, self._noise)
        if self._noise and self._draw.random() < SPIKES:
            volts += self._draw.choice((-0.5, 0.5))
        raw = min(max(round(volts / 3.3 * 4095), 0), 4095)
        return raw << 4 | raw >> 8


def errors(noise_mv: float, options: dict[str, Any], seed: int = 1) -> tuple[float, float]:
    """The root mean square of the error in mV, and what 99 in 100 readings stay below."""
    channel = _channel()
    adc = Adc(noise_mv / 1000, seed)
    chain = channel.Channel(adc, decimals=6, **options)
    chain.WHOLE = False  # a spike up to the end of the input counts here
    wrong = []
    for i in range(READINGS + 20):
        adc.volts = 1.65 + 1.2 * math.sin(i / 4000)  # a quantity that changes slowly
        found = chain.read()[0]
        if i >= 20:
            wrong.append(abs(found - adc.volts) * 1000)
    wrong.sort()
    rms = math.sqrt(sum(each * each for each in wrong) / len(wrong))
    return rms, wrong[int(0.99 * len(wrong))]


def _channel() -> Any:
    for folder in (LIB, STUB):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return importlib.import_module("sensors.shared.channel")


def results() -> dict[str, list[tuple[float, float]]]:
    """For each chain the errors at each noise."""
    return {
        name: [errors(noise, options) for noise in NOISE_MV]
        for name, (options, _) in CHAINS.items()
    }


def page(found: dict[str, list[tuple[float, float]]]) -> str:
    """docs/adc.md."""
    lines = [
        "# How well analog sensors cope with noise",
        "",
        "`make reference` writes this page. It runs the code of `lib/sensors` with a simulated",
        f"12-bit ADC. The input has Gaussian noise, and a spike of half a volt in {SPIKES:.0%} of",
        "the samples. It changes slowly, as light or temperature do. All figures are in mV:",
        "first the root mean square of the error, then the error that 99 in 100 readings stay",
        "below.",
        "",
        "![error against noise](adc.svg)",
        "",
        "| noise, mV | " + " | ".join(found) + " |",
        "|---|" + "---|" * len(found),
    ]
    for i, noise in enumerate(NOISE_MV):
        cells = [f"{rms:.1f} / {most:.1f}" for rms, most in (each[i] for each in found.values())]
        lines.append(f"| {noise} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Each reading takes several `samples`, drops the lowest and the highest quarter, and",
        "averages the rest. A spike then changes nothing, and the default of 16 samples cuts the",
        "noise to about a third. `median` removes wrong values that last longer than one reading.",
        "`smooth` reduces noise, but follows changes more slowly: with 0.8 a reading needs ten",
        "intervals to cover nine tenths of a jump.",
        "",
        "A real ADC has errors that no filter removes. An ESP32's is some tens of mV off even",
        "with its calibration, and its range ends at 3.1 V. If you need better, use an",
        "[ads1115](sensors/ads1115.md). None of this was measured on a board.",
    ]
    return "\n".join(lines) + "\n"


def picture(found: dict[str, list[tuple[float, float]]]) -> str:
    """docs/adc.svg: the error that 99 in 100 readings stay below, over the noise."""
    left, top, wide, tall = 60, 20, 560, 320
    most = 160.0

    def at(noise: float, error: float) -> str:
        y = top + tall - tall * min(error, most) / most
        return f"{left + wide * noise / NOISE_MV[-1]:.1f},{y:.1f}"

    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 400" font-family="sans-serif" '
        'font-size="12">',
        '<rect width="860" height="400" fill="#ffffff"/>',
    ]
    for error in range(0, 161, 40):
        y = top + tall - tall * error / most
        lines.append(
            f'<path d="M{left} {y:.1f} H{left + wide}" stroke="#d5d8dc"/>'
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{error}</text>'
        )
    for noise in NOISE_MV:
        x = left + wide * noise / NOISE_MV[-1]
        lines.append(
            f'<text x="{x:.1f}" y="{top + tall + 18}" text-anchor="middle">{noise}</text>'
        )
    lines.append(f'<text x="{left + wide / 2}" y="385" text-anchor="middle">noise, mV</text>')
    lines.append('<text x="10" y="14">error that 99 in 100 readings stay below, mV</text>')
    for i, (name, (_, colour)) in enumerate(CHAINS.items()):
        points = " ".join(
            at(noise, error) for noise, (_, error) in zip(NOISE_MV, found[name], strict=True)
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<rect x="640" y="{30 + 22 * i}" width="14" height="4" fill="{colour}"/>'
            f'<text x="660" y="{37 + 22 * i}">{name}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def pages() -> dict[Path, str]:
    """The page and its picture, by their paths."""
    found = results()
    return {PAGE: page(found), PICTURE: picture(found)}
