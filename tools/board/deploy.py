"""`deploy`: the package onto a board; only what changed travels, the config stays.

A config that is sent goes without spaces, and with the certificate files that it names.

What was put on the board is recorded there, with hashes. The record is believed only for files
that are on the board in the right size, and says what is about to change before it changes: so a
deploy that was interrupted, or a file that somebody removed, is put right by the next one.

Before anything travels the room is counted. If not everything fits, what the board cannot use is
left out, and so are the drivers that its config does not name (see selection).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from tools.board.selection import Room, Selection, asked, example_drivers, example_keys, select
from tools.board.targets import (
    CONFIG,
    HASH,
    RECORD,
    Folder,
    Found,
    Mpremote,
    Step,
    Target,
    drivers_of,
    keys_of,
)
from tools.config.check import check_config, companions, minified
from tools.make import storage
from tools.make.package import PLAIN, build, files, sizes_of
from tools.shared import boards
from tools.shared.boards import Board
from tools.shared.imports import drivers as all_drivers
from tools.shared.paths import BUILD
from tools.shared.ports import choose


@dataclass(frozen=True)
class Plan:
    """What a deploy has to do.

    wanted: the record that is true afterwards: file -> hash
    pending: the record that is true while it is at work: what is about to change has no hash
    """

    write: list[str]
    remove: list[str]
    wanted: dict[str, str]
    pending: dict[str, str]


def plan(folder: Path, found: Found, names: Iterable[str] | None = None) -> Plan:
    """Compare the built files with what is on the target, and with what was put there before.

    A file stays if the record has its hash and the target has it in its size. Only what the record
    names is ever removed. names: the files that are wanted, if not all
    """
    wanted = {name: _digest(folder / name) for name in names or files(folder)}
    there = _record(found.record)
    write = [
        name
        for name in wanted
        if there.get(name) != wanted[name]
        or found.sizes.get(name) != (folder / name).stat().st_size
    ]
    # What starts the rest comes last: a deploy that was cut short is simply repeated.
    write.sort(key=lambda name: (name in PLAIN, name))
    remove = [name for name in there if name not in wanted and name in found.sizes]
    pending = {**there, **dict.fromkeys([*write, *remove], "")}
    return Plan(write, remove, wanted, pending)


def deploy(
    folder: Path,
    target: Target,
    config: Path | None,
    console: Console,
    board: Board | None = None,
    drivers: tuple[str, ...] = (),
) -> int:
    """Bring the target up to date; returns how many files travelled.

    board: whose room is counted; without it there is room for all
    drivers: those that are wanted besides the config's
    """
    found = target.look()
    with tempfile.TemporaryDirectory() as records:
        sent = _config_files(config, Path(records)) if config else {}
        names = _fitting(folder, found, sent, console, board, drivers) if board else files(folder)
        todo = plan(folder, found, names)
        steps = [Step(name) for name in todo.remove]
        steps += [Step(name, path) for name, path in sent.items()]
        steps += [Step(name, folder / name) for name in todo.write]
        if todo.write or todo.remove:
            before = _write_record(Path(records) / "pending.json", todo.pending)
            after = _write_record(Path(records) / "wanted.json", todo.wanted)
            steps = [Step(RECORD, before), *steps, Step(RECORD, after)]
        with Progress(
            console=console, transient=True, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("deploying", total=len(steps))

            def started(name: str) -> None:
                progress.update(task, description=name, advance=1)

            if steps:
                target.carry_out(steps, started)
    console.print(
        f"{len(todo.write)} of {len(todo.wanted)} files copied, {len(todo.remove)} removed"
        + (f"; {_sent(sent, config)}" if config else ""),
        soft_wrap=True,
    )
    if not config and CONFIG not in found.sizes:
        console.print(
            "[yellow]The board has no config.json yet.[/] Copy firmware/config.json, fill it in, "
            "and run this again with CONFIG=file.",
            soft_wrap=True,
        )
    return len(todo.write)


def _config_files(config: Path, folder: Path) -> dict[str, Path]:
    """A config without spaces, made in a folder, and before it the files that it names."""
    small = folder / CONFIG
    small.write_bytes(minified(config))
    return {**companions(config), CONFIG: small}


def _sent(sent: Iterable[str], config: Path) -> str:
    """What went along besides the package, and where the config came from."""
    others = sorted({*sent} - {CONFIG})
    return f"{config} sent as {CONFIG}" + (f", with {', '.join(others)}" if others else "")


def _fitting(
    folder: Path,
    found: Found,
    sent: Mapping[str, Path],
    console: Console,
    board: Board,
    drivers: tuple[str, ...],
) -> list[str]:
    """The files that fit beside those that are sent; says what that leaves out."""
    text = sent[CONFIG].read_text() if sent else ""
    known = drivers_of(text) if sent else found.drivers
    wanted = {*(example_drivers() if known is None else known), *drivers}
    named = sorted(wanted & {*all_drivers()})  # the board tells of one that there is not
    sizes, ours = sizes_of(folder), _record(found.record)
    room = Room(
        storage.of(board), storage.capacity(board), found.free, found.sizes, frozenset(ours)
    )
    more = {name: path.stat().st_size for name, path in sent.items()}
    keys = example_keys() if known is None else keys_of(text) if sent else found.keys
    chosen = select(board, sizes, more, named, room, keys)
    if chosen.others:
        console.print(_said(chosen, named, known is None and not drivers), soft_wrap=True)
    return chosen.names


def _said(chosen: Selection, named: list[str], guessed: bool) -> str:
    whose = (
        "the drivers of config.example.json (no config names any)" if guessed else "the drivers"
    )
    check = (
        ""
        if chosen.checks
        else " The check of the config was left out too: after you edit it on the board, run "
        "`make check` on the file."
    )
    return (
        f"[yellow]Not everything fits on this board: {chosen.others} files were left out.[/] It "
        f"has what its node needs, and {whose}: {', '.join(named) or 'none'}.{check} Deploy again "
        "after you change the config, or name drivers with DRIVERS=name,name. "
        f"{chosen.left:,} bytes stay free."
    )


def _record(text: str) -> dict[str, str]:
    """The record on a target; empty where there is none, or garbage."""
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    return {str(name): str(digest) for name, digest in record.items() if name != CONFIG}


def _write_record(path: Path, record: dict[str, str]) -> Path:
    path.write_text(json.dumps(record))
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:HASH]


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.option("--port", help="serial port  [default: the only one plugged in]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="config.json to send",
)
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), help="a folder instead of a board"
)
@click.option("--drivers", default="", help="drivers to copy besides those of the config")
@click.option("--no-reset", is_flag=True, help="do not restart the board")
def command(
    board: str,
    port: str | None,
    config: Path | None,
    to: Path | None,
    drivers: str,
    no_reset: bool,
) -> None:
    """Build for BOARD and copy what changed onto it.

    The board keeps its config.json unless you give --config.

    If not all of it fits, only what the node can use is copied, with the drivers that its
    config names and those of --drivers.
    """
    facts, wanted = boards.load(board), asked(drivers)
    console = Console()
    folder = build(board)
    for warning in check_config(config, board) if config else ():
        console.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
    if to or board == "UNIX":
        where = to or BUILD / "UNIX-flash"
        deploy(folder, Folder(where), config, console, facts, wanted)
        run = (
            "; make sim runs them. For a real board name it: BOARD=ESP32_GENERIC"
            if board == "UNIX" and not to
            else ""
        )
        console.print(f"the files are in {where}{run}", soft_wrap=True)
        return
    target = Mpremote(choose(port))
    deploy(folder, target, config, console, facts, wanted)
    if no_reset:
        console.print("the board waits at its REPL; its reset button starts it")
        return
    target.reset()
    console.print("the board restarts; make monitor HOST=your-broker shows its readings")
