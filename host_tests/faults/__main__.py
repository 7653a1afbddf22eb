"""`make faults`: runs the fault lab, shows what was measured, and writes docs/faults.md."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from host_tests.faults.conftest import FIGURES
from host_tests.faults.rows import FAULTS, named_by
from tools import cli
from tools.shared.paths import ROOT

PAGE = ROOT / "docs" / "faults.md"

_HEAD = """\
# Faults: what goes wrong in the field, and what Petrel does

Each row is a fault, what should happen, and the tests that assert it. They run against a whole
node (32-bit MicroPython on the simulated board) and a real Mosquitto.

- **With a recovery time**: the test makes the fault twice. Every accepted reading has to arrive,
  in order. Nothing may raise, the board must not restart, and the heap must be the same after the
  second time. The recovery is the time from the end of the fault until a new reading has arrived;
  the table shows the longest of the last run.
- **Without one, on a running node**: the test asserts the same for a fault that is made once, and
  allows 1 KB of heap for names that are needed for the first time. If the board restarts, by the
  fault or because of it, the test checks what has arrived.
- **In `device/`**: the test looks at a part of Petrel, not at a whole node.

`make faults WRITE=1` runs the tests and writes this page; don't edit it here.

| fault | what should happen | recovery | tests |
|---|---|---|---|
"""

_OTHER = """
## Also measured

The longest of each in the same run. A stall is the time between two messages at the broker, for a
client that publishes without a pause while a fault hits 3 in 100 messages.

| measured | longest |
|---|---|
"""


def page(figures: dict[str, list[float]]) -> str:
    """The text of docs/faults.md."""
    named = named_by()
    rows = []
    for name, fault in FAULTS.items():
        took = f"{max(figures[name]):.1f} s" if figures.get(name) else ""
        links = ", ".join(f"`{test}`" for test in named[name])
        rows.append(f"| {fault.what} | {fault.right} | {took} | {links} |")
    return _HEAD + "\n".join(rows) + "\n" + _other(figures)


def _other(figures: dict[str, list[float]]) -> str:
    """What else was measured: how soon a fault was noticed, and stalls under many faults."""
    rows = [f"| {n} | {max(took):.1f} s |" for n, took in sorted(figures.items()) if ", " in n]
    return _OTHER + "\n".join(rows) + "\n" if rows else ""


@click.command()
@click.option("--write", is_flag=True, help=f"update {PAGE.relative_to(ROOT)}")
def command(write: bool) -> None:
    """Make every fault, and show how long the node took to recover."""
    FIGURES.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "6", "-rs", str(Path(__file__).parent)], cwd=ROOT
    )
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    table = Table("fault", "recoveries", "longest", title="seconds to the next new reading")
    for name, took in figures.items():
        table.add_row(name, str(len(took)), f"{max(took):.1f}")
    Console().print(table)
    if done.returncode:
        raise SystemExit("the node didn't survive some faults: see above")
    if write:
        PAGE.write_text(page(figures))
        click.echo(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.faults"))
