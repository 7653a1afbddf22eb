"""`make test-sleep`: the test of a node that sleeps, with as many cycles as one likes."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from tools import cli
from tools.shared.paths import ROOT


@click.command()
@click.option(
    "--cycles", default=1000, show_default=True, type=click.IntRange(min=50),
    help="sleeps and wakes of each of two nodes",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="of the faults that they meet")
def command(cycles: int, seed: int) -> int:
    """Run two nodes that sleep under faults, and account for every reading.

    In 10 of 100 cycles they can't connect, in 5 a PUBACK is lost, in 4 the power is cut.
    """
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-rP", "--timeout", str(600 + cycles * 5),
         "host_tests/test_sleep.py", "-k", "many_nights"],
        cwd=ROOT, env={**os.environ, "PETREL_NIGHTS": str(cycles), "PETREL_SEED": str(seed)},
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.nights"))
