"""`lint`: style, types, spelling, the layers that imports have to respect, and their circles."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from tools.lint import circles, prose
from tools.shared.errors import ToolError
from tools.shared.paths import FIRMWARE, LIB, ROOT, TOOLS

# What each layer of the device code may import besides MicroPython's own modules, and what not.
OURS = ("mqtt", "sensors", "node")
ALLOWED: dict[str, tuple[str, ...]] = {
    "mqtt": ("mqtt",),
    "sensors": ("sensors",),
    "node": ("node", "mqtt", "sensors", "board"),
    "firmware": ("node",),
}
NEVER = ("bench", "boards", "tools")  # the simulated board's own, and the host's
HARDWARE = ("machine", "network", "esp", "esp32", "esp8266", "pyb", "rp2")
# What people read, and what codespell looks at.
SPELLED = (
    "docs",
    "tools",
    "lib",
    "firmware",
    "boards",
    *(each.name for each in ROOT.glob("*.md")),
)
STUBS = {"esp32": "ESP32", "esp8266": "ESP8266", "stm32": "STM32", "rp2": "RP2"}


def layer_faults(path: Path, layer: str) -> list[str]:
    """What a file imports, or asks, that its layer must not; one line each."""
    faults = []
    tree = ast.parse(path.read_text(), str(path))
    for node in ast.walk(tree):
        names: list[str] = []
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if "platform" in [alias.name for alias in node.names]:
                faults.append(f"{path}:{line}: asks for the platform; ask for a feature")
        elif isinstance(node, ast.Attribute) and node.attr == "platform":
            faults.append(f"{path}:{line}: asks for the platform; ask for a feature")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            faults.append(f"{path}:{line}: bare except")
        for name in names:
            top = name.split(".")[0]
            if top in (*OURS, *NEVER, "board") and top not in ALLOWED[layer]:
                faults.append(f"{path}:{line}: {layer} must not import {name}")
            if top in HARDWARE and layer in ("mqtt", "sensors"):
                faults.append(f"{path}:{line}: {layer} must not import {top}; pass it in")
    return faults


def layers(lib: Path = LIB, firmware: Path = FIRMWARE) -> list[str]:
    """The faults of all device code."""
    faults: list[str] = []
    for layer in OURS:
        for path in sorted((lib / layer).rglob("*.py")):
            faults += layer_faults(path, layer)
    for path in sorted(firmware.glob("*.py")):
        if path.name != "manifest.py":
            faults += layer_faults(path, "firmware")
    return faults


def spelled(paths: Sequence[Path | str]) -> bool:
    """Whether codespell finds nothing; it prints what it finds. pyproject.toml has its words."""
    return _run([sys.executable, "-m", "codespell_lib", *map(str, paths)])


def _run(command: list[str], environment: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def _types_fit(port: str) -> bool:
    return _run(*types_of(port))


def types_of(port: str) -> tuple[list[str], dict[str, str]]:
    """The command that checks the types of lib/ against a port's stubs, and its environment."""
    stubs = TOOLS / "stubs" / port
    if not stubs.exists():
        raise ToolError(f"there are no type stubs in {stubs}", "run make setup")
    command = [sys.executable, "-m", "mypy", "--config-file", "host_tests/mypy-device.ini"]
    command += ["--custom-typeshed-dir", str(stubs), "--cache-dir", f"build/mypy-{port}"]
    command += ["-p", "mqtt", "-p", "sensors", "-p", "node"]
    return command, {**os.environ, "MYPYPATH": f"lib:{stubs}"}


def _nothing(found: Callable[[], list[str]]) -> Callable[[], bool]:
    """A check that prints what was found, a line each."""

    def check() -> bool:
        lines = found()
        print(*lines, sep="\n", end="\n" if lines else "")
        return not lines

    return check


@click.command()
@click.option("--fix", is_flag=True, help="fix what ruff can fix")
@click.option("--quick", is_flag=True, help="leave out the types, which take the longest")
def command(fix: bool, quick: bool) -> None:
    """Check style, types (the tools, and lib/ against each port), layers, spelling and phrases."""
    console = Console()
    ruff = [sys.executable, "-m", "ruff"]
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", "build/mypy"]
    types: dict[str, Callable[[], bool]] = {
        "types of the tools and tests": lambda: _run(mypy),
        **{f"types of lib/ on {name}": partial(_types_fit, port) for port, name in STUBS.items()},
    }
    checks: dict[str, Callable[[], bool]] = {
        "style": lambda: _run([*ruff, "check", *(["--fix"] if fix else []), "."]),
        "format": lambda: _run([*ruff, "format", *([] if fix else ["--check"]), "."]),
        **({} if quick else types),
        "spelling": lambda: spelled(SPELLED),
        "layers of imports": _nothing(layers),
        "circles of imports": _nothing(circles.circles),
        "phrases": _nothing(prose.faults),
    }
    failed = []
    for name, check in checks.items():
        console.print(f"[bold]{name}[/]")
        if not check():
            failed.append(name)
    if failed:
        raise ToolError(
            f"lint found faults: {', '.join(failed)}", "Fix them, then run make lint again."
        )
    console.print("[bold green]nothing to fix[/]")
