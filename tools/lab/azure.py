"""`test-azure`: Azure's own client for devices beside ours, at the hub of tools/play/hub.py."""

from __future__ import annotations

import subprocess
import sys

import click

from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS

VERSION = "2.14.0"
FOLDER = TOOLS / f"azure-iot-device-{VERSION}"
PYTHON = FOLDER / "bin" / "python"


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Compare with azure-iot-device: its passwords, and what it does at the hub of the tests.

    The first time fetches it from PyPI, into a virtual environment of its own. With ARGUMENTS,
    pytest's options.
    """
    try:
        install()
    except ToolError as error:
        print(f"NOT RUN: the test with azure-iot-device; {error}", file=sys.stderr)
        return 1
    return pytest("-rs", "host_tests/azure", *arguments)


def install() -> None:
    """Fetch it, unless it is there. Raises ToolError."""
    with Lock(TOOLS / "azure.lock"):
        done = FOLDER / "done"
        if done.exists():
            return
        for words in (
            [sys.executable, "-m", "venv", str(FOLDER)],
            [str(PYTHON), "-m", "pip", "-q", "install", f"azure-iot-device=={VERSION}"],
        ):
            made = subprocess.run(words, capture_output=True, text=True, check=False)
            if made.returncode:
                raise ToolError(f"azure-iot-device can't be fetched: {made.stderr.strip()[-300:]}")
        done.touch()
