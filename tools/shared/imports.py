"""Which modules of lib/ a module needs: found by reading the code, not by a list.

Imports anywhere in a file count, for much is imported late and forgotten. So do the two other ways
in which device code names a module: `__import__("name")`, and `call("folder", "module", ...)` of
node.overlay. A name that is only known on the board stops the walk with an error, except for the
two that are expected: the driver that a config names, and the name that `call` is handed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from tools.shared.paths import LIB

DRIVERS = "sensors"
FORMULA = "formula"
_OVERLAYS = "node"


def modules(lib: Path = LIB) -> dict[str, Path]:
    """Every module of lib/: its name, and its source."""
    found = {}
    for path in sorted(lib.rglob("*.py")):
        name = path.relative_to(lib).with_suffix("").as_posix().replace("/", ".")
        found[name.removesuffix(".__init__")] = path
    return found


def drivers(lib: Path = LIB) -> list[str]:
    """The names of all drivers of parts: the files of their folder.

    What they share is one floor below. A formula has no part.
    """
    return sorted({path.stem for path in (lib / DRIVERS).glob("[a-z]*.py")} - {FORMULA})


def empty(path: Path) -> bool:
    """True for a module without code, such as most __init__.py: a folder is a package anyway."""
    tree = ast.parse(path.read_text(), str(path))
    return all(isinstance(each, ast.Expr) for each in tree.body)


def needed(starts: Iterable[str], without: Collection[str] = (), lib: Path = LIB) -> set[str]:
    """The modules of lib/ that some modules need, and they themselves.

    without: those that are not there on a board, with what they alone need
    """
    known = modules(lib)
    found: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name in known and name not in without and name not in found:
            found.add(name)
            todo += [*imported(known[name]), name.rpartition(".")[0]]
    return found


@cache
def imported(path: Path) -> frozenset[str]:
    """The names that a file may import, whether there are such modules or not.

    Raises ValueError for a name that cannot be told from the code.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            name = _called(node, path)
            if name:
                names.add(name)
    return frozenset(names)


def _called(node: ast.Call, path: Path) -> str:
    """The module that a call imports; empty if it imports none, or a driver."""
    function = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if function not in ("__import__", "call"):
        return ""
    match function, node.args:
        case "call", [ast.Constant(value=str(folder)), ast.Constant(value=str(module)), *_]:
            return f"{_OVERLAYS}.{folder}.{module}"
        case "__import__", [ast.Constant(value=str(name)), *_]:
            return name
        case "__import__", [ast.BinOp(left=ast.Constant(value="sensors.")), *_]:
            return ""
        case "__import__", [ast.BinOp(left=ast.BinOp(left=ast.Name(id="package"))), *_]:
            return ""  # in node.overlay
    raise ValueError(f"{path}:{node.lineno}: an import that can't be found in the code")
