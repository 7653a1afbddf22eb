"""`build`: everything that goes onto a board's file system, in build/<BOARD>/."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tools.config.check import check_config, minified
from tools.make import drivers, storage
from tools.make.compile import RECORD, Source, compile_all, modules
from tools.make.names import short
from tools.shared import boards
from tools.shared.locks import Lock
from tools.shared.paths import BOARDS, BUILD, FIRMWARE, LIB

# Stock firmware runs these as source only; they are a few lines each.
PLAIN = ("boot.py", "main.py")
EXAMPLE = "config.example.json"
STAGE = "lib/stage.mpy"  # the boot stage, for boards that take updates
DEPLOYED = "update/deployed"  # has the boot stage start what was deployed, and no slot


def build(name: str, quiet: bool = False, factory: Path | None = None) -> Path:
    """Build for a board; returns the folder. Only what changed is compiled.

    factory: the file of a config to build in
    """
    with Lock(BUILD / f"{name}.lock"):  # two at a time would tread on each other
        return _build(name, quiet, factory)


def _build(name: str, quiet: bool, factory: Path | None) -> Path:
    board = boards.load(name)
    out = BUILD / name
    facts = BUILD / "generated" / name / "board.py"
    facts.parent.mkdir(parents=True, exist_ok=True)
    built_in = None
    if factory:
        check_config(factory, name)
        built_in = minified(factory).decode()
    _put(facts, board.module(built_in).encode())
    sources = [
        *modules(LIB, "lib/"), Source(facts, "lib/board.mpy"), Source(FIRMWARE / "stage.py", STAGE)
    ]  # fmt: skip
    errors = Console(stderr=True)
    unseen = quiet or not errors.is_terminal
    with Progress(transient=True, disable=unseen, console=errors) as progress:
        task = progress.add_task(f"compiling for {name}", total=len(sources))
        compile_all(sources, out, board.optimise, lambda _: progress.advance(task), short)
    drivers.check()
    for plain in PLAIN:
        _put(out / plain, (FIRMWARE / plain).read_bytes())
    _put(out / EXAMPLE, (FIRMWARE / "config.json").read_bytes())
    _put(out / "board.txt", name.encode())  # what the diagnostics say; the module `board` is large
    if name == "UNIX":
        compile_all(modules(BOARDS / "UNIX"), BUILD / "UNIX-port", board.optimise)
    return out


def _put(path: Path, content: bytes) -> None:
    """Write a file that others may be copying: it changes in one step, and only if it must."""
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def files(folder: Path) -> list[str]:
    """What belongs onto the board, as paths relative to the folder."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != RECORD)


def sizes_of(folder: Path) -> dict[str, int]:
    """The same files, with their bytes."""
    return {name: (folder / name).stat().st_size for name in files(folder)}


def _table(name: str, out: Path) -> Table:
    board = boards.load(name)
    table = Table(title=f"build/{name}", title_justify="left")
    table.add_column("file")
    table.add_column("source", justify="right")
    table.add_column("bytes", justify="right")
    total = [0, 0]
    for file in files(out):
        source = (LIB / file.removeprefix("lib/")).with_suffix(".py")
        if file in PLAIN:
            source = FIRMWARE / file
        sizes = [source.stat().st_size if source.exists() else 0, (out / file).stat().st_size]
        total = [a + b for a, b in zip(total, sizes, strict=True)]
        table.add_row(file, f"{sizes[0]:,}" if sizes[0] else "", f"{sizes[1]:,}")
    table.add_section()
    table.add_row("total", f"{total[0]:,}", f"{total[1]:,}")
    block = board.petrel["storage"]["block"]
    room = storage.capacity(board)
    if block:
        taken = storage.of(board).taken(sizes_of(out))
        table.caption = f"{taken:,} bytes in blocks of {block:,}"
        if room:
            table.caption += f", {100 * taken / room:.0f} % of the board's {room:,}"
        if room and taken > room:
            table.caption += "; a deploy copies what the config needs"
    return table


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.option(
    "--factory",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a config to build in, for a board without one",
)
def command(board: str, factory: Path | None) -> None:
    """Compile Petrel for BOARD into build/BOARD/, with mpy-cross.

    The folder holds the files for the board; `deploy` and `usb` copy it.
    """
    out = build(board, factory=factory)
    Console().print(_table(board, out))
