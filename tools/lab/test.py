"""`test`: runs all tests, or what pytest is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from tools.shared.paths import ROOT

# Folders whose tests have a target of their own, which fetches what they need.
OWN_TARGETS = (
    "emulated",
    "browser",
    "homeassistant",
    "clusters",
    "nodered",
    "timescale",
    "azure",
    "aws",
)
# What is not an option of this command is one of pytest's.
FOR_PYTEST = {"ignore_unknown_options": True}


@click.command(context_settings=FOR_PYTEST)
@click.option(
    "--workers", default=os.cpu_count() or 1, show_default="one for each processor",
    type=click.IntRange(min=1), help="how many run at once; not used with ARGUMENTS",
)  # fmt: skip
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(workers: int, arguments: tuple[str, ...]) -> int:
    """Run all tests, in MicroPython of 64 and 32 bit, with a real broker.

    With ARGUMENTS only what they choose, in pytest's words:

    \b
    petrel test host_tests/test_node.py -k reconnect
    """
    every = ["-n", str(workers), "--dist", "worksteal"]
    every += [f"--ignore=host_tests/{folder}" for folder in OWN_TARGETS]
    return pytest(*(arguments or every))


def pytest(*arguments: str) -> int:
    """Run pytest in the project's folder; returns its exit status."""
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT).returncode
