"""The check of many configs at once: the same code, compiled, a process for a hundred of them.

A process takes as long to start as it takes to check ten configs, and source as long to load. What
is refused is checked once more, alone and from source, so its words are those of `make check`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.config.check import beyond, minified, of_file
from tools.shared import boards
from tools.shared.paths import MICROPYTHON

AT_ONCE = 100  # configs of a process
_PATIENCE_S = 120
_BEGIN = "checked: "  # of a line that is not a driver's
_CODE = f"""
begin = {_BEGIN!r}
import builtins, json, sys
say = print
def told(*some, **more):
    raise ValueError("it prints")
builtins.print = told
sys.path[:] = [folder for folder in sys.path if folder]
import board
from node.config import load, verdict
with open(sys.argv[1]) as file:
    todo = json.load(file)
for path, size in todo:
    warnings = []
    try:
        faults = verdict.of(load.read(path, [], 1 << 30), board, warnings, True, size, 1 << 30)[1]
    except Exception:
        faults = True
    say()
    say(begin + json.dumps([not faults, warnings]))
"""


def of_files(
    folder: Path,
    board: str,
    library: Path,
    names: Sequence[str],
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, tuple[list[str], list[str]]]:
    """What a board would say of NAME.json in a folder, for each name, as of_file says it.

    library: the compiled code for that board
    progress: is told how many are done
    """
    facts = boards.load(board)
    slices = [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)]
    found: dict[str, tuple[list[str], list[str]]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for some, said in zip(
            slices, pool.map(lambda each: _ask(folder, library, each), slices), strict=True
        ):
            for name, (good, warnings) in zip(some, said, strict=True):
                path = folder / f"{name}.json"
                if good:
                    found[name] = [], warnings + beyond(path, facts)
                else:
                    found[name] = of_file(path, board)
            progress(len(some))
    return found


def _ask(folder: Path, library: Path, names: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """For each file whether it is good, and the warnings; one that broke the process is not."""
    todo = [(f"{name}.json", len(minified(folder / f"{name}.json"))) for name in names]
    with tempfile.TemporaryDirectory(prefix="petrel-check-") as own:
        (Path(own) / "todo.json").write_text(json.dumps(todo))
        try:
            done = subprocess.run(
                [str(MICROPYTHON["64"]), "-c", _CODE, f"{own}/todo.json"],
                env={"MICROPYPATH": f"{library.resolve()}:.frozen"},
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=_PATIENCE_S,
            )
            lines = done.stdout.splitlines()
        except subprocess.TimeoutExpired as error:
            lines = (error.stdout or b"").decode().splitlines()
    said = list(_answers(lines))[: len(names)]
    return said + [(False, [])] * (len(names) - len(said))


def _answers(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """The lines that are answers, and whole."""
    for line in lines:
        if not line.startswith(_BEGIN):
            continue
        try:
            good, warnings = json.loads(line.removeprefix(_BEGIN))
        except ValueError:
            return
        yield good, warnings
