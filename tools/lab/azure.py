"""`test-azure`: Azure's own client for devices beside ours, at the hub of tools/play/hub.py."""

from __future__ import annotations

import sys

import click

from tools.lab.own_python import install, python_of
from tools.lab.test import FOR_PYTEST, pytest
from tools.shared.errors import ToolError

CLIENT = ("azure-iot-device", "2.14.0")
PYTHON = python_of(*CLIENT)


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Compare with azure-iot-device: its passwords, and what it does at the hub of the tests.

    Also a node's day at that hub, at a fast clock: twelve minutes. The first time fetches the
    client from PyPI, into a virtual environment of its own. With ARGUMENTS, pytest's options.
    """
    try:
        install(*CLIENT)
    except ToolError as error:
        print(f"NOT RUN: the test with azure-iot-device; {error}", file=sys.stderr)
        return 1
    return pytest("-rs", "host_tests/azure", *arguments)
