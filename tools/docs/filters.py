"""docs/filters.md, with the RAM of each filter; tools.docs.generated writes it.

What a filter takes is measured in the 32-bit interpreter. The figures also go into a file, from
which `make check` estimates whether a config fits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.config.heap import FILTER_FIGURES
from tools.docs.ram import made
from tools.make.package import build
from tools.make.romfs import romfs
from tools.shared.paths import BUILD, ROOT

PAGE = ROOT / "docs" / "filters.md"
TEXT = Path(__file__).with_name("filters.md")
BOARD = "ESP8266_GENERIC"
EMPTY = ""  # the part that all filters of a sensor stand in, and their module
_PLAIN = {"offset": 1}  # holds on to that module, whose other filters are measured beside it

# Filter -> an example, and what it does.
FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "offset": ({"offset": -0.5}, "adds it"),
    "multiply": ({"multiply": 1.02}, "multiplies by it"),
    "linear": ({"linear": [1.02, -0.5]}, "multiplies by the first number, and adds the second"),
    "calibrate": (
        {"calibrate": [[0.8, 0], [98.2, 100]]},
        "straight lines through points [measured, true], 2 to 32 of them, and on beyond the last",
    ),
    "clamp": ({"clamp": [0, 100]}, "what is lower or higher becomes the nearer end"),
    "invert": ({"invert": True}, "1 becomes 0, and 0 becomes 1"),
    "to": ({"to": "F"}, "another [unit](#units)"),
    "median": (
        {"median": 5},
        "the median of the last 3 to 15 readings: drops spikes; of an even number the lower of "
        "the middle two",
    ),
    "average": ({"average": 10}, "the average of the last 2 to 60 readings"),
    "smooth": (
        {"smooth": 0.8},
        "exponential average: keeps this share of the last value, 0 to 0.99, and takes the rest "
        "from the new one",
    ),
    "slew": ({"slew": 0.5}, "rate limit: changes by at most so much from one reading to the next"),
    "outlier": (
        {"outlier": 3, "of": 5},
        "holds back what is further than that from the median of the last readings, 3 to 15, or "
        "5 if you leave `of` out; it counts itself",
    ),
    "debounce": ({"debounce": 3}, "a new value counts when it came 2 to 100 times in a row"),
    "throttle": ({"throttle": 60}, "lets one value through every so many seconds"),
    "over": (
        {"over": 600, "take": "maximum"},
        "one value for so many seconds: their `average` (if you leave `take` out), `minimum` or "
        "`maximum`",
    ),
    "delta": (
        {"delta": 0.2, "heartbeat": 600},
        "lets a value through if it is at least so far from the last one that it let through, "
        "and after `heartbeat` seconds in any case; 0: any change",
    ),
}

_CODE = """
class Part:
    FIELDS = (("value", "C", 1),)
    def start(self):
        return 0
    def read(self):
        return (1,)
def make(filters):
    from sensors.filters import chain
    return chain.make(Part(), {"filters": filters})
def done():
    sys.modules["sensors.filters.chain"].clear()
"""


def _cost(filters: list[dict[str, Any]], image: Path | None = None) -> tuple[int, int]:
    """Bytes of a first sensor with these filters, and of a second one; from a ROMFS if `image`."""
    return made(_CODE, json.dumps(filters), build(BOARD, quiet=True) / "lib", image)


def measured() -> dict[str, dict[str, int]]:
    """Filter -> bytes: the first of its kind from files and from a ROM, and each further one."""
    image = BUILD / "filters-ram.img"
    romfs(build(BOARD, quiet=True) / "lib", image)
    images = {"files": None, "rom": image}
    found: dict[str, dict[str, int]] = {name: {} for name in (EMPTY, *FILTERS)}
    for how, where in images.items():
        nothing, plain = _cost([], where), _cost([_PLAIN], where)
        more = plain[1] - nothing[1]
        found[EMPTY] |= {how: plain[0] - more, "more": nothing[1]}
        for name, (example, _) in FILTERS.items():
            both = _cost([_PLAIN, example], where)
            found[name] |= {how: both[0] - plain[0], "more": both[1] - plain[1]}
    return found


def pages() -> dict[Path, str]:
    """The page and the figures, by their paths."""
    figures = measured()
    rows = []
    for name, (example, what) in FILTERS.items():
        cost = figures[name]
        cells = f"{cost['files']:,} | {cost['more']:,} | {cost['rom']:,}"
        rows.append(f"| `{json.dumps(example)}` | {what} | {cells} |")
    text = TEXT.read_text().replace("{filters}", "\n".join(rows))
    for key, value in figures[EMPTY].items():
        text = text.replace("{" + key + "}", f"{value:,}")
    return {PAGE: text, FILTER_FIGURES: json.dumps(figures, indent=2) + "\n"}
