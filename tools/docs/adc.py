"""docs/adc.md and adc.svg: noise in, error out, of the analog chain; `make reference` writes them.

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

from tools.shared.paths import LIB, ROOT

STUB = ROOT / "host_tests" / "cpython"  # of what MicroPython has built in
PAGE = ROOT / "docs" / "adc.md"
PICTURE = ROOT / "docs" / "adc.svg"
NOISE_MV = (0, 5, 10, 20, 30, 50, 70, 100)
SPIKES = 0.02  # of the samples
READINGS = 1500
CHAINS: dict[str, tuple[dict[str, Any], str]] = {
    "one sample": ({"samples": 1}, "#c0392b"),
    "16 samples (the default)": ({"samples": 16}, "#1f6fb2"),
    "64 samples": ({"samples": 64}, "#7b2d8b"),
    "16 samples, median of 5": ({"samples": 16, "median": 5}, "#1e7d46"),
    "16 samples, smooth 0.8": ({"samples": 16, "smooth": 0.8}, "#b8560b"),
}
# Of the picture: the lines differ in their dashes too, for those who see no colours.
DASHES = ("none", "none", "10 4", "3 4", "12 4 3 4")
WIDTH, HEIGHT = 860, 460
LEFT, TOP, WIDE, TALL = 76, 44, 560, 350


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
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 24, "How far off is a reading? 99 in 100 are better than this", bold=True),
        *_axes(),
    ]
    ends = {name: _at(NOISE_MV[-1], found[name][-1][1])[1] for name in CHAINS}
    for (name, (_, colour)), dash in zip(CHAINS.items(), DASHES, strict=True):
        points = " ".join(
            "{:.1f},{:.1f}".format(*_at(noise, error))
            for noise, (_, error) in zip(NOISE_MV, found[name], strict=True)
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/>'
        )
    right = LEFT + WIDE
    for name, y in _apart(ends).items():
        colour = CHAINS[name][1]
        lines.append(
            f'<path d="M{right + 2} {ends[name]:.1f} L{right + 16} {y:.1f}" fill="none" '
            f'stroke="{colour}"/>'
        )
        lines.append(_text(right + 20, y + 4, name, colour))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _axes() -> list[str]:
    """The grid, its figures, and what they are."""
    bottom = TOP + TALL
    lines = []
    for error in (0.3, 1, 3, 10, 30, 100, 300, 1000):
        _, y = _at(0, error)
        lines.append(f'<path d="M{LEFT} {y:.1f} H{LEFT + WIDE}" stroke="#d5d8dc"/>')
        lines.append(_text(LEFT - 8, y + 4, f"{error:,}", anchor="end"))
    for noise in NOISE_MV:
        x, _ = _at(noise, 1)
        lines.append(f'<path d="M{x:.1f} {bottom} V{bottom + 5}" stroke="#566573"/>')
        lines.append(_text(x, bottom + 20, str(noise), anchor="middle"))
    lines.append(
        f'<path d="M{LEFT} {TOP} V{bottom} H{LEFT + WIDE}" fill="none" stroke="#566573"/>'
    )
    what = "noise at the input, mV"
    lines.append(_text(LEFT + WIDE / 2, bottom + 44, what, anchor="middle"))
    turned = _text(0, 0, "error, mV (logarithmic)", anchor="middle")
    lines.append(f'<g transform="translate(20 {TOP + TALL / 2}) rotate(-90)">{turned}</g>')
    return lines


def _at(noise: float, error: float) -> tuple[float, float]:
    """The place of an error; its axis is logarithmic, from 0.3 to 1000 mV."""
    least, most = math.log10(0.3), 3
    share = (math.log10(max(error, 0.3)) - least) / (most - least)
    return LEFT + WIDE * noise / NOISE_MV[-1], TOP + TALL * (1 - share)


def _apart(ends: dict[str, float]) -> dict[str, float]:
    """The y of each line's name: beside its end, but not on the name above."""
    found: dict[str, float] = {}
    least = 0.0
    for name in sorted(ends, key=ends.__getitem__):
        found[name] = max(ends[name], least)
        least = found[name] + 18
    return found


def _text(
    x: float, y: float, text: str, fill: str = "#1c2833", anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{weight}>{text}</text>'
    )


def pages() -> dict[Path, str]:
    """The page and its picture, by their paths."""
    found = results()
    return {PAGE: page(found), PICTURE: picture(found)}
