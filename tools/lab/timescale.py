"""`test-timescale`: runs the back end's tests with TimescaleDB, which it fetches from Debian."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError
from tools.shared.locks import Lock
from tools.shared.paths import TOOLS
from tools.start import debian

FOLDER = TOOLS / "timescale"
CHOSEN = "PETREL_TIMESCALE"  # in the environment: the tests' PostgreSQL has TimescaleDB
SUITE = "sid"  # the only one that has it for PostgreSQL 18
PACKAGES = ("postgresql-18", "postgresql-18-timescaledb", "libpam0g")
UNUSED = r"/share/(doc|locale|man|lintian|perl)|/(perl|bitcode|systemd|gconv)/|--\d[\d.]*--"
TESTS = ("store", "jobs", "database", "query", "collector", "growing", "recipes", "trial")


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run the back end's tests with a PostgreSQL that has TimescaleDB.

    The first time fetches both from Debian, 40 MB. With ARGUMENTS, pytest's options.
    """
    try:
        install()
    except ToolError as error:
        print(f"NOT RUN: the tests with TimescaleDB; {error}", file=sys.stderr)
        return 1
    os.environ[CHOSEN] = "1"
    files = [f"host_tests/backend/test_{name}.py" for name in TESTS]
    return pytest("-rs", "-k", "not sqlite", "host_tests/timescale", *files, *arguments)


def install() -> None:
    """Fetch the server and its extension, unless they are there. Raises ToolError."""
    with Lock(TOOLS / "timescale.lock"):
        if not FOLDER.exists():
            debian.fetch(FOLDER, SUITE, debian.architecture(), *PACKAGES, leave=UNUSED)


def server(folder: Path) -> list[str]:
    """How its server is started: with the libraries that it was built for.

    folder: where it is: FOLDER, or a copy of that
    """
    triplet, loader = debian.LOADERS[debian.architecture()]
    libraries = folder / "usr" / "lib" / triplet
    program = folder / "usr" / "lib" / "postgresql" / "18" / "bin" / "postgres"
    # It finds its own files beside the name that it was started by.
    return [str(libraries / loader), "--argv0", str(program), "--library-path", str(libraries),
            str(program)]  # fmt: skip
