"""Fetches and builds all that the tests on emulated chips need, with progress.

Where it cannot be had, the reason is left in NO_EMULATOR, and the tests leave out what needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tools.lab.emulator import setup
from tools.make.firmware import pico, qemu, toolchain
from tools.make.package import build as build_package
from tools.shared.errors import ToolError
from tools.shared.paths import NO_EMULATOR


def main() -> int:
    """Fetch, then build; returns the exit status: 1 where a build fails."""
    NO_EMULATOR.unlink(missing_ok=True)
    fetch: tuple[Callable[[], object], ...] = (toolchain.fetched, setup.fetched, qemu.emulator)
    try:
        for part in fetch:
            part()
    except ToolError as error:
        NO_EMULATOR.write_text(error.message)
        print(f"NOT RUN: the tests on emulated chips; {error}", file=sys.stderr)
        return 0
    try:
        build_package(pico.BOARD, quiet=True)
        pico.build()
        pico.build(stock=True)
        qemu.build()
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
