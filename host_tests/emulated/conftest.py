"""Fixtures: the emulated processors. Where an emulator cannot be had, its tests are left out."""

from __future__ import annotations

import pytest

from host_tests.emulated.cortex import Board
from tools.errors import ToolError
from tools.firmware import qemu, toolchain


@pytest.fixture(scope="session")
def cortex(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The Cortex-M3's firmware and images."""
    try:
        qemu.emulator()
        toolchain.fetched()
    except ToolError as error:
        pytest.skip(f"NOT RUN, no emulated Cortex-M3: {error}")
    return Board(tmp_path_factory.mktemp("cortex"))
