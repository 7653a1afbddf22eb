"""docs/architecture.md shows the house as it is: its folders, and who imports from whom."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.lint import circles
from tools.shared.imports import imported, modules
from tools.shared.paths import FIRMWARE, LIB, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
# What stands on all of them, shared, is left out of the picture.
FOLDERS = {
    path.parent.relative_to(ROOT).as_posix()
    for path in (ROOT / "tools").glob("*/__init__.py")
    if path.parent.name != "shared"
}
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


def _tools() -> set[tuple[str, str]]:
    """(folder, folder that it imports from), of the tools but what all of them import."""
    arrows = circles.between_folders(circles.imports())
    return {
        (_path(here), _path(there))
        for here, targets in arrows.items()
        for there in targets
        if _path(here) in FOLDERS and _path(there) in FOLDERS
    }


def _path(module: str) -> str:
    return module.replace(".", "/")


def _drawn(picture: int) -> set[tuple[str, str]]:
    text = PAGE.split("```mermaid\n")[picture].partition("```")[0]
    names = dict(re.findall(r'^\s*(\w+)\["([\w/]+)', text, re.MULTILINE))
    return {
        (names[a], names[b])
        for a, targets in re.findall(r"^\s*(\w+) --> ([\w &]+)$", text, re.MULTILINE)
        for b in targets.split(" & ")
    }


@pytest.mark.parametrize(("picture", "arrows"), [(1, _arrows), (2, _tools)], ids=["lib", "tools"])
def test_the_arrows_are_the_imports(
    picture: int, arrows: Callable[[], set[tuple[str, str]]]
) -> None:
    drawn, real = _drawn(picture), arrows()
    assert drawn - real == set(), "drawn, but nothing imports it"
    assert real - drawn == set(), "imported, but not drawn"


def test_every_folder_has_its_line() -> None:
    told = set(re.findall(r"^\| `(?:lib/)?([\w/]+)/` \|", PAGE, re.MULTILINE))
    assert told == {_folder(path) for path in modules().values()} | FOLDERS | {"tools/shared"}


def test_each_folder_of_the_tools_says_what_it_is_for() -> None:
    for folder in (*FOLDERS, "tools/shared"):
        said = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text())) or ""
        title, _, paragraph = said.partition("\n\n")
        assert title and paragraph, f"{folder}/__init__.py says what it is, and nothing more"


def test_only_the_command_line_stands_beside_the_folders_of_the_tools() -> None:
    there = {path.name for path in (ROOT / "tools").glob("*.*")}
    assert there == {"__init__.py", "__main__.py", "cli.py", "commands.py"}


def test_every_file_that_the_page_names_is_there() -> None:
    for name in re.findall(
        r"`((?:lib|firmware|tools|docs|boards|host_tests)/[\w./]+\.\w+)`", PAGE
    ):
        assert (ROOT / name).exists(), name
