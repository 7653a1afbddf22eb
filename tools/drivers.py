"""Whether the drivers in lib/sensors are whole: each is imported in MicroPython, and looked at.

What a build does not find by compiling is told here, before it gets onto a board: a driver that
raises or prints when it is imported, or that lacks what every driver has to have.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tools.errors import ToolError
from tools.paths import LIB, MICROPYTHON

_CODE = """
import builtins, io, json, sys
say = print
def told(*some, **more):
    raise ValueError("it prints when it is imported, which a driver must not")
builtins.print = told
faults = []
for name in sys.argv[1:]:
    try:
        module = __import__("sensors." + name, None, None, ("DRIVER",))
        lacks = [each for each in ("DRIVER", "USES", "options") if not hasattr(module, each)]
        if "DRIVER" in lacks and "USES" in lacks:
            continue  # what drivers share
        if lacks:
            faults.append((name, "it has no " + ", no ".join(lacks) + "; see docs/drivers.md", ""))
        else:
            module.options()
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        kind = "" if type(error) is ValueError else type(error).__name__ + ": "
        faults.append((name, kind + str(error), trace.getvalue()))
say()
say(json.dumps(faults))
"""


def faults(lib: Path = LIB) -> list[str]:
    """What is wrong with the drivers, a line for each with file and line."""
    names = sorted(path.stem for path in (lib / "sensors").glob("[a-z]*.py"))
    try:
        done = subprocess.run(
            [str(MICROPYTHON["64"]), "-c", _CODE, *names],
            env={"MICROPYPATH": f"{lib}:.frozen"}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            "a driver in lib/sensors does not return when it is imported",
            "a driver must not wait there; look at the one that you changed last",
        ) from error
    if done.returncode:
        raise ToolError("the drivers cannot be looked at", (done.stderr + done.stdout)[-300:])
    found = json.loads(done.stdout.splitlines()[-1])
    return [f"lib/sensors/{_place(name, trace)}: {said}" for name, said, trace in found]


def check() -> None:
    """Raise ToolError if a driver is not whole."""
    if found := faults():
        raise ToolError(found[0], "\n  ".join([*found[1:], "Fix the driver and run it again."]))


def _place(name: str, trace: str) -> str:
    """The innermost place in lib/sensors that a trace names; without one the driver's file."""
    places = re.findall(r'/sensors/(\w+\.py)", line (\d+)', trace)
    return ":".join(places[-1]) if places else f"{name}.py"
