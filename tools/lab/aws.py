"""`test-aws`: the shadows of tools/play/shadow.py beside those of moto, a model of AWS."""

from __future__ import annotations

import sys

import click

from tools.lab.own_python import install, python_of
from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError

MOTO = ("moto[iotdata]", "5.2.5")
PYTHON = python_of(*MOTO)


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Compare the shadows that the tests of nodes use with moto's.

    The first time fetches moto from PyPI, into a virtual environment of its own. With ARGUMENTS,
    pytest's options.
    """
    try:
        install(*MOTO)
    except ToolError as error:
        print(f"NOT RUN: the test with moto; {error}", file=sys.stderr)
        return 1
    return pytest("-rs", "host_tests/aws", *arguments)
