"""Imports of the tools that run in a circle: between modules, and between their folders.

To understand one of two modules that import each other, you have to read both. Every import
counts, those inside a function too: they make a circle work, and it still is one.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.shared.paths import ROOT

PACKAGE = "tools"
APART = ("inside", "qemu", "micropython_lib")  # what runs in MicroPython, not here


def circles(root: Path = ROOT) -> list[str]:
    """A circle below root/tools, in one line: of modules, or if there is none, of folders."""
    arrows = imports(root)
    found = _circle(arrows) or _circle(between_folders(arrows))
    return [f"a circle of imports: {' -> '.join(found)}"] if found else []


def between_folders(arrows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same arrows, from folder to folder; a module beside the folders stands for itself."""
    folders: dict[str, set[str]] = {}
    for name, targets in arrows.items():
        here = folders.setdefault(_folder(name), set())
        here |= {_folder(target) for target in targets} - {_folder(name)}
    return folders


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """For each module of the tools, by its name, those of them that it imports."""
    paths = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        place = path.relative_to(root).with_suffix("")
        if not set(APART) & set(place.parent.parts):
            paths[place.as_posix().replace("/", ".").removesuffix(".__init__")] = path
    return {
        name: {each for each in _named(path, paths) if each != name}
        for name, path in paths.items()
    }


def _named(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in known else str(node.module)


def _folder(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """The names along a circle, its first again at its end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))  # it follows the arrows backwards
    return []
