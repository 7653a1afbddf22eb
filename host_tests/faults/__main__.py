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
from tools.paths import ROOT

PAGE = ROOT / "docs" / "faults.md"

_HEAD = """\
# Faults: what a node in the field meets, and what Petrel does

Written by `make faults WRITE=1`, which runs every test below against a whole node (32-bit
MicroPython on the simulated board) and a real Mosquitto; do not edit it here. A test asserts what
is said to be right. Where there is a figure for the recovery, the fault is made twice: every
reading that was accepted has to arrive, in order, nothing may raise, the board must not restart,
and the heap must be the same after the second time; the recovery is the time from the end of the
fault until a reading that was taken since has arrived, the longest that was measured in the last
run. The other tests of a running node assert the same of a fault that is made once, and 1 KB of
heap for names that are needed for the first time; those in which the board restarts, by the fault
or because of it, look at what has come. Tests in `device/` look at a part, not a whole node.

| fault | what is right | recovery | tests |
|---|---|---|---|
"""

_OTHER = """
## Also measured

The longest each, in the same run. A stall is the time from one message to the next at the broker,
of a client that publishes without a pause while a fault comes with 3 in 100 messages.

| | |
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
    """What was measured besides: how soon a fault was noticed, and stalls under many."""
    rows = [f"| {n} | {max(took):.1f} s |" for n, took in sorted(figures.items()) if ", " in n]
    return _OTHER + "\n".join(rows) + "\n" if rows else ""


@click.command()
@click.option("--write", is_flag=True, help=f"update {PAGE.relative_to(ROOT)}")
def command(write: bool) -> None:
    """Make every fault, and show how long it took to recover."""
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
        raise SystemExit("some faults were not survived: see above")
    if write:
        PAGE.write_text(page(figures))
        click.echo(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.faults"))
