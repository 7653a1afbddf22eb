"""The command `firmware`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from tools.make.firmware import pico, ports
from tools.make.package import build as build_package
from tools.shared import boards
from tools.shared.errors import ToolError


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.option(
    "--micropython",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="a MicroPython source tree, for boards that need your own toolchain",
)
@click.option(
    "--factory",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a config to build in, for a board without one",
)
def command(board: str, micropython: Path | None, factory: Path | None) -> None:
    """Build MicroPython for BOARD with Petrel frozen in.

    RPI_PICO needs nothing: compiler and sources are downloaded. All other boards are built by
    their port in --micropython, with the toolchain that it needs.
    """
    boards.load(board)
    if board == "UNIX":
        raise ToolError("UNIX is the simulated board", "make sim starts it; it needs no firmware")
    if micropython is None and board != pico.BOARD:
        raise ToolError(
            f"the toolchain for {board} can't be fetched here",
            f"Install it, clone MicroPython, and make firmware BOARD={board} MICROPYTHON=folder",
        )
    build_package(board, factory=factory)  # the facts of the board, which are frozen too
    if micropython:
        ports.build(board, micropython)
        return
    out = pico.build()
    size = (out / "firmware.bin").stat().st_size
    Console().print(f"{out / 'firmware.uf2'}: {size:,} bytes of flash")
    Console().print(
        "hold BOOTSEL while you plug the Pico in, and copy the file onto the drive RPI-RP2"
    )
