"""`usb`: the folder for a Pyboard's USB drive, and the copy onto it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
from rich.console import Console

from tools.board.deploy import deploy
from tools.board.selection import asked
from tools.board.targets import Folder
from tools.config.check import check_config
from tools.make.package import build
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD

LABELS = ("PYBFLASH", "NO NAME")
MOUNTS = ("/media", "/run/media", "/mnt", "/Volumes")


def find_drive() -> Path | None:
    """Where a Pyboard's drive is mounted, None if it is not."""
    for base in MOUNTS:
        for depth in ("*", "*/*"):
            for path in sorted(Path(base).glob(depth)):
                if path.name in LABELS and (path / "boot.py").exists():
                    return path
    return None


@click.command()
@click.argument("board", default="PYBV11", shell_complete=boards.complete)
@click.option(
    "--to",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="where it is mounted",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="config.json to copy",
)
@click.option("--drivers", default="", help="drivers to copy besides those of the config")
def command(board: str, to: Path | None, config: Path | None, drivers: str) -> None:
    """Copy Petrel for BOARD onto its drive or, if none is mounted, into build/BOARD-usb/.

    If not all of it fits, only what the node can use is copied, with the drivers that its
    config names and those of --drivers. The board keeps its config.json unless
    you give --config.
    """
    facts, wanted = boards.load(board), asked(drivers)
    if facts.petrel["storage"]["root"] != "/flash":
        raise ToolError(f"{board} has no USB drive", f"make deploy BOARD={board}")
    console = Console()
    folder = build(board)
    if config:
        check_config(config, board)  # before anything is copied
    drive = to or find_drive()
    if drive is None:
        tree = BUILD / f"{board}-usb"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        deploy(folder, Folder(tree), config, console, facts, wanted)
        console.print(
            f"No PYBFLASH drive is mounted. Copy the contents of {tree} to the board's drive "
            "yourself, or name where it is mounted with TO=.",
            soft_wrap=True,
        )
        return
    deploy(folder, Folder(drive), config, console, facts, wanted)
    os.sync()
    console.print(f"copied to {drive}; eject it, then press RST")
