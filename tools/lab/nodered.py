"""`test-node-red`: runs the flow of the documentation in Node-RED, which it fetches from npm."""

from __future__ import annotations

import sys

import click

from tools.lab import npm
from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS

VERSION = "4.1.15"
FOLDER = TOOLS / f"node-red-{VERSION}"
PROGRAM = FOLDER / "node_modules" / "node-red" / "red.js"


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run the documentation's flow in a real Node-RED.

    The first time fetches it from npm, 120 MB. With ARGUMENTS, pytest's options.
    """
    try:
        install()
    except ToolError as error:
        print(f"NOT RUN: the test with Node-RED; {error}", file=sys.stderr)
        return 1
    return pytest("-rs", "host_tests/nodered", *arguments)


def install() -> None:
    """Fetch Node-RED, unless it is there. Raises ToolError."""
    with Lock(TOOLS / "node-red.lock"):
        npm.install(FOLDER, "node-red", VERSION)
