"""`make fuzz`: the test of mutated packets, with as many of them as one likes."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from tools import cli
from tools.shared.paths import ROOT


@click.command()
@click.option(
    "--count", default=1_000_000, show_default=True, type=click.IntRange(min=1000),
    help="packets of each version and interpreter",
)  # fmt: skip
def command(count: int) -> int:
    """Feed mutated packets to the MQTT client, in a heap as small as a board's."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "auto", "--timeout", str(120 + count // 500),
         "host_tests/test_fuzz.py"],
        cwd=ROOT, env={**os.environ, "FUZZ_COUNT": str(count)},
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.fuzz"))
