"""Imports that run in a circle: between modules of the tools, and of what runs on a board.

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
BOARDS = "boards"
DEVICE = ("lib", "firmware", f"{BOARDS}/*")
RECIPE = "manifest.py"  # says what to freeze, and is no module


def circles(root: Path = ROOT) -> list[str]:
    """Circles below root, a line each: of modules, or if there is none, of folders."""
    tools, device = imports(root), on_boards(root)
    node = {name: targets for name, targets in device.items() if name.startswith("node.")}
    found = (
        _circle(tools) or _circle(between_folders(tools)),
        _circle(device) or _circle(between_folders(node)),
    )
    return [f"a circle of imports: {' -> '.join(each)}" for each in found if each]


def between_folders(arrows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same arrows, from folder to folder; a module beside the folders stands for itself."""
    folders: dict[str, set[str]] = {}
    for name, targets in arrows.items():
        here = folders.setdefault(_folder(name), set())
        here |= {_folder(target) for target in targets} - {_folder(name)}
    return folders


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """For each module of the tools, by its name, those of them that it imports."""
    paths = (root / PACKAGE).rglob("*.py")
    return _arrows({_name(path, root): path for path in paths if not set(APART) & {*path.parts}})


def on_boards(root: Path = ROOT) -> dict[str, set[str]]:
    """The same of what runs on a board: lib, firmware, and what a board has of its own."""
    return _arrows(
        {
            _name(path, folder): path
            for place in DEVICE
            for folder in root.glob(place)
            for path in folder.rglob("*.py")
            if path.name != RECIPE
        }
    )


def _name(path: Path, folder: Path) -> str:
    """The name that imports a file, if those of that folder have no prefix."""
    name = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def _arrows(paths: Mapping[str, Path]) -> dict[str, set[str]]:
    return {
        name: {each for each in _named(path, paths) if each != name}
        for name, path in sorted(paths.items())
    }


def _named(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if module in known:
                    yield module
                elif node.module in known:
                    yield str(node.module)


def _folder(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """The names along a circle, its first again at its end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))  # it follows the arrows backwards
    return []
