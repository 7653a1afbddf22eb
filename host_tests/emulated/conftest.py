"""Fixtures: firmware, built once, and emulated boards with it.

Where an emulator cannot be had, its tests are left out, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from host_tests.emulated.cortex import Board
from host_tests.emulated.rig import PicoRig
from tools.lab import emulator
from tools.lab.emulator import setup
from tools.make.firmware import pico, qemu, toolchain
from tools.make.package import build as build_package
from tools.shared.errors import ToolError
from tools.shared.paths import NO_EMULATOR

PARTS = {"i2c:4,5": {"model": "bme280", "temperature": 12.5}}


@pytest.fixture(scope="session")
def cortex(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The Cortex-M3's firmware and images."""
    _fetch(qemu.emulator, toolchain.fetched)
    return Board(tmp_path_factory.mktemp("cortex"))


@pytest.fixture(scope="session")
def frozen() -> Path:
    """The Pico's firmware with Petrel in it."""
    _fetch(setup.fetched, toolchain.fetched)
    build_package(pico.BOARD, quiet=True)
    return pico.build(quiet=True) / "firmware.uf2"


@pytest.fixture(scope="session")
def stock() -> Path:
    """The Pico's MicroPython as it is published, with room for a ROMFS."""
    _fetch(setup.fetched, toolchain.fetched)
    return pico.build(stock=True, quiet=True) / "firmware.uf2"


@pytest.fixture
def whole(tmp_path: Path, frozen: Path) -> Iterator[emulator.Pico]:
    """A Pico with Petrel in its firmware, the PARTS on its pins, and no config; switched on."""
    with emulator.Pico(frozen, tmp_path / "flash.bin", PARTS) as pico:
        pico.power_on()
        yield pico


@pytest.fixture
def board(tmp_path: Path, frozen: Path) -> Iterator[Callable[..., PicoRig]]:
    """Picos with Petrel in their firmware, switched on; gone after the test."""
    with ExitStack() as stack:

        def start(parts: dict[str, Any] | None = None, **more: Any) -> PicoRig:
            pico = emulator.Pico(frozen, tmp_path / "flash.bin", parts, **more)
            stack.enter_context(pico).power_on()
            return stack.enter_context(PicoRig(pico))

        yield start


def _fetch(*parts: Callable[[], object]) -> None:
    if NO_EMULATOR.exists():
        pytest.skip(f"NOT RUN, there is no emulator: {NO_EMULATOR.read_text()}")
    try:
        for part in parts:
            part()
    except ToolError as error:
        pytest.skip(f"NOT RUN, there is no emulator: {error}")
