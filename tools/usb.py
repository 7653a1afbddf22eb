"""`usb`: the folder for a Pyboard's USB drive, and the copy onto it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
from rich.console import Console

from tools import boards
from tools.build import build, files
from tools.deploy import deploy, plan
from tools.errors import ToolError
from tools.paths import BUILD
from tools.targets import Folder, Found

LABELS = ("PYBFLASH", "NO NAME")
MOUNTS = ("/media", "/run/media", "/mnt", "/Volumes")
CLUSTER = 512  # bytes; the drive gives its room out in pieces of this


def find_drive() -> Path | None:
    """Where a Pyboard's drive is mounted, None if it is not."""
    for base in MOUNTS:
        for depth in ("*", "*/*"):
            for path in sorted(Path(base).glob(depth)):
                if path.name in LABELS and (path / "boot.py").exists():
                    return path
    return None


def room(tree: Path, found: Found) -> int:
    """Bytes that a deploy needs more than what it replaces or removes gives back."""
    todo = plan(tree, found)
    needed = sum(_clusters((tree / name).stat().st_size) for name in todo.write)
    return needed - sum(_clusters(found.sizes.get(n, 0)) for n in todo.write + todo.remove)


def _clusters(size: int) -> int:
    return -(-size // CLUSTER) * CLUSTER


@click.command()
@click.argument("board", default="PYBV11")
@click.option("--to", type=click.Path(exists=True, path_type=Path), help="where it is mounted")
def command(board: str, to: Path | None) -> None:
    """Make build/BOARD-usb/, and copy it onto the drive if that is mounted."""
    facts = boards.load(board)
    if facts.petrel["storage"]["root"] != "/flash":
        raise ToolError(f"{board} has no USB drive", f"make deploy BOARD={board}")
    console = Console()
    folder = build(board)
    tree = BUILD / f"{board}-usb"
    shutil.rmtree(tree, ignore_errors=True)
    for name in files(folder):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, tree / name)
    console.print(f"{tree} is what belongs onto the drive")
    drive = to or find_drive()
    if drive is None:
        console.print("no PYBFLASH drive is mounted; copy the folder's contents there yourself")
        return
    target = Folder(drive)
    size, free = room(tree, target.look()), shutil.disk_usage(drive).free
    if size > free:
        raise ToolError(
            f"{drive} has {free:,} bytes free; {size:,} are needed", "remove files from it"
        )
    deploy(tree, target, None, console)
    os.sync()
    console.print(f"copied to {drive}; eject it, then press RST")
