"""Whether the drivers in lib/sensors are whole: each is imported in MicroPython, and looked at.

What a build does not find by compiling is told here, before it gets onto a board: a driver that
raises or prints when it is imported, that lacks what every driver has to have, or has it in a form
that the node cannot use.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

from tools.shared.errors import ToolError
from tools.shared.imports import DRIVERS, drivers
from tools.shared.paths import LIB, MICROPYTHON

_CONTRACT = Path(__file__).with_name("inside") / "contract.py"  # runs in MicroPython


def faults(lib: Path = LIB) -> list[str]:
    """What is wrong with the drivers, a line for each with file and line."""
    try:
        done = subprocess.run(
            [str(MICROPYTHON["64"]), str(_CONTRACT), *drivers(lib)],
            env={"MICROPYPATH": f"{lib}:.frozen"}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            "a driver in lib/sensors doesn't return when it is imported",
            "A driver must not wait there. Look at the driver that you changed last.",
        ) from error
    if done.returncode:
        raise ToolError("can't check the drivers", (done.stderr + done.stdout)[-300:])
    found = []
    for name, said, place in json.loads(done.stdout.splitlines()[-1]):
        path = lib / DRIVERS / f"{name}.py"
        if isinstance(said, str):
            found.append(f"lib/sensors/{_place(path, place)}: {said}")
        else:  # as far as MicroPython can look
            found += [f"lib/sensors/{path.name}:{fault}" for fault in _own(path, *said)]
    return found


def check() -> None:
    """Raise ToolError if a driver is not whole."""
    if found := faults():
        raise ToolError(
            found[0], "\n  ".join([*found[1:], "Fix the driver and run the command again."])
        )


def _place(path: Path, trace: str) -> str:
    """The innermost place in lib/sensors that a trace names, or where a name is defined."""
    if places := re.findall(r'/sensors/([\w/]+\.py)", line (\d+)', trace):
        return ":".join(places[-1])
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if trace and re.match(rf"\s*(def |class )?{re.escape(trace)}\b", line):
            return f"{path.name}:{number}"
    return path.name


def _own(path: Path, handed: int, options: list[str], fields: bool) -> list[str]:
    """What only the text of a driver shows, a line and a fault for each.

    handed: how many parts its class is handed; options: the names of the others
    fields: its class has FIELDS
    """
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except UnicodeDecodeError:
        return ["1: it is not UTF-8; save it as UTF-8"]
    except SyntaxError:  # MicroPython takes it
        return []
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "DRIVER":
            continue
        made = classes.get(ast.unparse(node.value))
        if made is None:
            return []
        if not fields and "self.FIELDS" not in text:
            return [f"{made.lineno}: the class {made.name} has no FIELDS"]
        for each in made.body:
            if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                return _misfit(each, handed, options)
    return []


def _misfit(init: ast.FunctionDef, handed: int, options: list[str]) -> list[str]:
    arguments = init.args
    names = [each.arg for each in arguments.posonlyargs + arguments.args][1:]
    parts, others = names[:handed], names[handed:]
    others += [each.arg for each in arguments.kwonlyargs]
    found = []
    if len(parts) < handed and not arguments.vararg:
        found.append(f"__init__() takes {len(parts)} of the {handed} that USES asks for")
    if not arguments.kwarg:
        found += [f"__init__() has no argument {name!r}, an option" for name in options
                  if name not in others]  # fmt: skip
    bare = len(arguments.args) - len(arguments.defaults) - 1
    found += [f"__init__(): {name!r} is neither an option nor in USES"
              for name in names[handed:bare] if name not in options]  # fmt: skip
    return [f"{init.lineno}: {fault}" for fault in found]
