"""MicroPython as the tests run it: which build, which heap, which modules."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.make.compile import Source, compile_all, modules
from tools.shared.locks import Lock
from tools.shared.paths import BOARDS, BUILD, FIRMWARE, LIB, MICROPYTHON, NO_32, ROOT

COMPILED = BUILD / "tests"
HEAPS = {"64": "128K", "32": "38K"}  # the second is what an ESP8266 has
DEVICE_TESTS = Path(__file__).parent.parent / "device"
# On a system that cannot have the 32-bit build, what runs in both runs in one.
WIDTHS = ("64",) if NO_32.exists() else ("64", "32")


@dataclass(frozen=True)
class Interpreter:
    """One build of MicroPython's unix port. `lib`: folders of modules, compiled for it."""

    bits: str
    lib: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """The executable."""
        return MICROPYTHON[self.bits]

    def command(
        self, script: str | Path, args: Sequence[str] = (), heap: str | None = None
    ) -> list[str]:
        """The command that runs a script file, or code if it is text."""
        what = ["-c", script] if isinstance(script, str) else [str(script)]
        return [str(self.path), "-X", f"heapsize={heap or HEAPS[self.bits]}", *what, *args]

    def environment(self, *more: Path) -> dict[str, str]:
        """The environment in which it finds the modules of `more`, then those of `lib`."""
        path = [str(folder) for folder in (*more, *self.lib)]
        return {**os.environ, "MICROPYPATH": ":".join([*path, ".frozen"])}

    def run(
        self,
        script: str | Path,
        *args: str,
        heap: str | None = None,
        path: Sequence[Path] = (),
        timeout: float = 60,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end; stdout and stderr are captured."""
        return subprocess.run(
            self.command(script, args, heap),
            env=self.environment(*path),
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


class InPython(Interpreter):
    """Python in place of MicroPython: lib/ as tools.cpython loads it."""

    @property
    def path(self) -> Path:
        return Path(sys.executable)

    def command(
        self, script: str | Path, args: Sequence[str] = (), heap: str | None = None
    ) -> list[str]:
        assert isinstance(script, Path)
        return [str(self.path), "-m", "tools.cpython", str(script), *args]

    def environment(self, *more: Path) -> dict[str, str]:
        path = ":".join(str(folder) for folder in (ROOT, *more))
        return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


IN_PYTHON = InPython("64", ())


def compiled_lib() -> Path:
    """lib/ as .mpy files, compiled as the build does it."""
    return _compiled(LIB, COMPILED / "lib")


def compiled_port(optimise: int = 2) -> Path:
    """boards/UNIX as .mpy files: what the firmware of the simulated board has built in."""
    return _compiled(BOARDS / "UNIX", COMPILED / "port", optimise)


def compiled_recovery() -> Path:
    """firmware/recovery as .mpy files."""
    return _compiled(FIRMWARE / "recovery", COMPILED / "recovery")


def compiled_stage() -> Path:
    """The boot stage as a .mpy file; returns its folder."""
    out = COMPILED / "stage"
    with Lock(COMPILED / "stage.lock"):
        compile_all([Source(FIRMWARE / "stage.py", "stage.mpy")], out)
    return out


def compiled_tests(folder: Path = DEVICE_TESTS) -> Path:
    """A folder of device tests as .mpy files, with their assertions."""
    out = COMPILED / "device" if folder == DEVICE_TESTS else folder / "mpy"
    return _compiled(folder, out, optimise=0)


def _compiled(folder: Path, out: Path, optimise: int = 2) -> Path:
    """Compile what changed in a folder. Another run of the tests may be at the same: one waits."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_name(out.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        compile_all(modules(folder), out, optimise)
    return out


def interpreter(bits: str) -> Interpreter:
    """The build of that width, with lib/ compiled."""
    if not MICROPYTHON[bits].exists():
        pytest.fail(f"there is no {MICROPYTHON[bits]}: run make setup")
    return Interpreter(bits, (compiled_lib(),))
