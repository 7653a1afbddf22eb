"""`make demo` tells its story, and the picture in the documentation is one of its runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from tools.play.demo import STEPS
from tools.shared.paths import ROOT

SVG = "{http://www.w3.org/2000/svg}"
CHAPTERS = (
    "A broker, and a greenhouse with a Petrel node",
    "It measures",
    "Somebody comes in: the air gets cooler",
    "A command: run the pump",
    "The broker is killed; the node goes on measuring",
    "The broker is back",
)
ALARMING = re.compile(
    r"error|errno|traceback|not connected|not known|no answer|lost|NOT seen", re.I
)


def test_a_run_tells_the_whole_story_and_draws_it(tmp_path: Path) -> None:
    """One test for all that a run shows, because it takes ten seconds."""
    picture = tmp_path / "a folder" / "a picture.svg"
    command = [sys.executable, "-m", "tools", "demo", "--seconds", "1", "--picture", str(picture)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    every_step_is_seen_in_its_chapter(done.stdout)
    nothing_alarms_before_the_outage(done.stdout)
    the_values_can_be_believed(done.stdout)
    the_outage_loses_nothing(done.stdout)
    drawn = told(picture)
    for line in done.stdout.splitlines():
        assert re.sub(r"\s", "", line) in drawn, line


def test_the_picture_of_the_documentation_is_of_todays_demo() -> None:
    drawn = told(ROOT / "docs/demo.svg")
    for text in (*CHAPTERS, *STEPS.values()):
        assert re.sub(r"\s", "", text) in drawn, "run make demo PICTURE=docs/demo.svg"
    assert ALARMING.search(drawn.partition("killed")[0]) is None


def every_step_is_seen_in_its_chapter(printed: str) -> None:
    lines = printed.splitlines()
    chapters = [line.removeprefix("== ") for line in lines if line.startswith("== ")]
    assert tuple(chapters) == CHAPTERS
    assert [line for line in lines if line.startswith("   ok ")] == [
        f"   ok {text}" for text in STEPS.values()
    ]
    assert re.fullmatch(
        r"Every step was seen\. Readings 1 to \d+: none lost, \d sent twice\.", lines[-1]
    )


def nothing_alarms_before_the_outage(printed: str) -> None:
    before = printed.partition(CHAPTERS[4])[0]
    assert ALARMING.search(before) is None, before


def the_values_can_be_believed(printed: str) -> None:
    values: dict[str, list[float]] = {}
    for name, value in re.findall(r"greenhouse/(\S+) +(-?\d+\.\d+) ", printed):
        assert re.fullmatch(r"-?\d+\.\d", value), (name, value)
        values.setdefault(name, []).append(float(value))
    likely = {
        "outside": (10, 20), "air/temperature": (20, 26), "air/pressure": (990, 1030),
        "air/humidity": (40, 80), "boiler": (40, 70), "tank": (0.3, 2),
    }  # fmt: skip
    assert values.keys() == likely.keys()
    for name, (least, most) in likely.items():
        assert all(least <= value <= most for value in values[name]), (name, values[name])


def the_outage_loses_nothing(printed: str) -> None:
    numbers = [int(found) for found in re.findall(r"reading (\d+)", printed)]
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))
    late = [line for line in printed.splitlines() if line.endswith("kept during the outage")]
    assert len(late) >= 7 and sum("/door" in line for line in late) == 2
    assert "kept during" not in printed.partition(CHAPTERS[5])[0]


def told(picture: Path) -> str:
    """All texts of a picture, without spaces."""
    root = ElementTree.parse(picture).getroot()
    return re.sub(r"\s", "", "".join("".join(text.itertext()) for text in root.iter(f"{SVG}text")))
