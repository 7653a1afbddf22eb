"""docs/architecture.md shows the house as it is: its folders, and who imports from whom."""

from __future__ import annotations

import re
from pathlib import Path

from tools.shared.imports import imported, modules
from tools.shared.paths import FIRMWARE, LIB, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
# The driver that a config names; what it is called is only known on the board.
_DRIVER = re.compile(r"__import__\(\"sensors\.\" \+")


def _folder(path: Path) -> str:
    return path.parent.relative_to(LIB).as_posix()


def _arrows() -> set[tuple[str, str]]:
    """(folder, folder that it imports from), of all device code."""
    known = modules()
    found = set()
    for path in (*known.values(), FIRMWARE / "boot.py", FIRMWARE / "main.py"):
        here = "firmware" if path.parent == FIRMWARE else _folder(path)
        there = {
            _folder(known[name])
            for name in imported(path)
            if name in known and known[name].name != "__init__.py"  # a folder, on the way
        }
        if _DRIVER.search(path.read_text()):
            there.add("sensors")
        found |= {(here, other) for other in there if other != here}
    return found


def _drawn() -> set[tuple[str, str]]:
    picture = PAGE.partition("```mermaid\n")[2].partition("```")[0]
    names = dict(re.findall(r'^\s*(\w+)\["([\w/]+)', picture, re.MULTILINE))
    return {
        (names[a], names[b])
        for a, targets in re.findall(r"^\s*(\w+) --> ([\w &]+)$", picture, re.MULTILINE)
        for b in targets.split(" & ")
    }


def test_the_arrows_are_the_imports() -> None:
    drawn, real = _drawn(), _arrows()
    assert drawn - real == set(), "drawn, but nothing imports it"
    assert real - drawn == set(), "imported, but not drawn"


def test_every_folder_has_its_line() -> None:
    told = set(re.findall(r"^\| `lib/([\w/]+)/` \|", PAGE, re.MULTILINE))
    assert told == {_folder(path) for path in modules().values()}


def test_every_file_that_the_page_names_is_there() -> None:
    for name in re.findall(
        r"`((?:lib|firmware|tools|docs|boards|host_tests)/[\w./]+\.\w+)`", PAGE
    ):
        assert (ROOT / name).exists(), name
