"""`test-powercut`: cuts the power at every write of an update; the tests take one in nine."""

from __future__ import annotations

import os

import click

from tools.lab.test import FOR_PYTEST, pytest

EACH = "PETREL_EACH_CUT"  # in the environment: every cut, on several layouts of the flash


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Cut the power at every write of an update, whole and torn, on littlefs and FAT.

    Takes minutes. With ARGUMENTS, pytest's options: -k fat
    """
    os.environ[EACH] = "1"
    file = "host_tests/device/test_powercut_update.py"
    return pytest("--timeout", "3600", "-n", "2", file, *arguments)
