"""`test-emulated`: fetches and builds all that the tests on emulated chips need, and runs them.

Where it cannot be had, the reason is left in NO_EMULATOR, and the tests leave out what needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from tools.lab.emulator import setup
from tools.lab.test import FOR_PYTEST, pytest
from tools.make.firmware import pico, qemu, toolchain
from tools.make.package import build as build_package
from tools.shared.errors import ToolError
from tools.shared.paths import NO_EMULATOR


@click.command(context_settings=FOR_PYTEST)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Run Petrel on emulated chips, a Pico and a Cortex-M3.

    The first time fetches a compiler and the emulators, and builds MicroPython for both; that
    takes some minutes. With ARGUMENTS, pytest's options, only what they choose:

    \b
    petrel test-emulated -m "not long"
    """
    NO_EMULATOR.unlink(missing_ok=True)
    fetch: tuple[Callable[[], object], ...] = (toolchain.fetched, setup.fetched, qemu.emulator)
    try:
        for part in fetch:
            part()
    except ToolError as error:
        NO_EMULATOR.write_text(error.message)
        print(f"NOT RUN: the tests on emulated chips; {error}", file=sys.stderr)
    else:
        build_package(pico.BOARD, quiet=True)
        pico.build()
        pico.build(stock=True)
        qemu.build()
    return pytest("-n", "2", "--timeout", "600", "-rs", "host_tests/emulated", *arguments)
