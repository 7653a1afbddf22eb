"""`deploy`: the package onto a board; only what changed travels, the config stays.

A config that is sent goes without spaces, and with the certificate files that it names.

What was put on the board is recorded there, with hashes. The record is believed only for files
that are on the board in the right size, and says what is about to change before it changes: so a
deploy that was interrupted, or a file that somebody removed, is put right by the next one.

Before anything travels the room is counted. If not everything fits, what the board cannot use is
left out, and so are the drivers that its config does not name (see selection).

Where the firmware has a ROMFS, all of lib/ goes there if it can (see rom), and the file system
keeps what starts it and the config. What is about to be replaced goes last: files after the ROMFS
is complete, the ROMFS after the files are.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from tools.board import rom
from tools.board.selection import (
    Room,
    Selection,
    asked,
    example_drivers,
    example_keys,
    part,
    select,
    update_takes,
)
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
from tools.config.check import check_config, companions, minified, of_file
from tools.make import storage
from tools.make.package import DEPLOYED, PLAIN, build, files, sizes_of
from tools.shared import boards
from tools.shared.boards import Board
from tools.shared.errors import ToolError
from tools.shared.imports import drivers as all_drivers
from tools.shared.paths import BUILD
from tools.shared.ports import choose
from tools.update.keyring import Keyring
from tools.update.manifest import KEYS
from tools.update.release import too_small


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


@dataclass(frozen=True)
class Way:
    """How the package goes onto a board.

    names: what goes onto its file system; image: what its ROMFS is to hold, None for files alone
    remove: files that may not stay, even if no deploy put them there; why: the ROMFS is not used
    """

    names: list[str]
    image: bytes | None = None
    remove: list[str] = field(default_factory=list)
    why: str = ""


def plan(
    folder: Path, found: Found, names: Iterable[str] | None = None, remove: Iterable[str] = ()
) -> Plan:
    """Compare the built files with what is on the target, and with what was put there before.

    A file stays if the record has its hash and the target has it in its size. Only what the record
    names is removed, and `remove`. names: the files that are wanted, if not all
    """
    wanted = {name: _digest(folder / name) for name in names or files(folder)}
    there = record_of(found.record)
    write = [
        name
        for name in wanted
        if there.get(name) != wanted[name]
        or found.sizes.get(name) != (folder / name).stat().st_size
    ]
    # What starts the rest comes last: a deploy that was cut short is simply repeated.
    write.sort(key=lambda name: (name in PLAIN, name))
    gone = {*there, *remove} - {*wanted}
    removed = [name for name in found.sizes if name in gone]
    pending = {**there, **dict.fromkeys([*write, *removed], "")}
    return Plan(write, removed, wanted, pending)


def deploy(
    folder: Path,
    target: Target,
    config: Path | None,
    console: Console,
    board: Board | None = None,
    drivers: tuple[str, ...] = (),
    mode: str = "files",
    keys: str = "",
) -> int:
    """Bring the target up to date; returns how many files travelled.

    board: whose room is counted; without it there is room for all
    drivers: those that are wanted besides the config's; mode: one of rom.MODES
    keys: what the target is to have as keys.txt; with them it takes updates
    """
    found = target.look()
    _check_version(folder, found)
    if isinstance(target, Folder) and rom.ENTRY in record_of(found.record):
        raise ToolError(
            "this board runs Petrel from its ROMFS, which a drive does not show; what is copied "
            "here would not be used",
            "Use make deploy, once with MODE=files if you want to copy files from then on.",
        )
    with tempfile.TemporaryDirectory() as records:
        sent = _config_files(config, Path(records)) if config else {}
        way = _way(folder, found, sent, console, board, drivers, mode, bool(keys))
        if board and config:
            for warning in of_file(config, board.id, "rom" if way.image else "files")[1]:
                console.print(f"[yellow]warning[/] {escape(warning)}", soft_wrap=True)
        todo = plan(folder, found, way.names, way.remove)
        burn = _rom_steps(way, found, Path(records))
        steps = _in_order(folder, found, sent, way, todo, burn)
        if keys:
            trusted = Path(records) / KEYS
            trusted.write_text(keys)
            steps = [Step(KEYS, trusted), *steps]
        if keys or DEPLOYED.split("/")[0] in found.folders:
            (Path(records) / "deployed").touch()
            steps.append(Step(DEPLOYED, Path(records) / "deployed"))
        if todo.write or todo.remove or burn:
            before = _write_record(Path(records) / "pending.json", todo.pending)
            held = {} if way.image is None else {rom.ENTRY: rom.digest(way.image)}
            after = _write_record(Path(records) / "wanted.json", {**todo.wanted, **held})
            steps = [Step(RECORD, before), *steps, Step(RECORD, after)]
        with Progress(
            console=console, transient=True, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("deploying", total=sum(step.reports for step in steps))

            def started(name: str) -> None:
                progress.update(task, description=name, advance=1)

            if steps:
                target.carry_out(steps, started)
    console.print(
        f"{len(todo.write)} of {len(todo.wanted)} files copied, {len(todo.remove)} removed"
        + (f"; {_sent(sent, config)}" if config else ""),
        soft_wrap=True,
    )
    if said := _where(way, found, burn):
        console.print(said, soft_wrap=True, highlight=False)
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


def _check_version(folder: Path, found: Found) -> None:
    """Refuse a MicroPython that can't load what is compiled for it."""
    compiled = folder / "lib/board.mpy"
    if not found.mpy or not compiled.exists():
        return
    version = compiled.read_bytes()[1]
    if found.mpy != version:
        raise ToolError(
            f"the board's MicroPython loads .mpy files of version {found.mpy}, and Petrel's have "
            f"version {version}",
            "Flash MicroPython 1.24 or later with make flash, and deploy again.",
        )


def _way(
    folder: Path,
    found: Found,
    sent: Mapping[str, Path],
    console: Console,
    board: Board | None,
    drivers: tuple[str, ...],
    mode: str,
    updates: bool,
) -> Way:
    """Choose between the ROMFS and files. Raises ToolError if the one that is wanted can't be.

    updates: whether the board is to take them
    """
    built, before = files(folder), record_of(found.record)
    if board is None:
        return Way(built)
    needs = _needs(found, sent, drivers)
    why = "" if mode == "files" else "this firmware has no ROMFS"
    if board.romfs_variant and why:
        why += f". The variant {board.romfs_variant} has one, which leaves a node much more RAM"
    if found.rom and mode != "files":
        image, left_out = rom.image(folder, built), 0
        if len(image) > found.rom.size:
            names = part(board, built, needs.named, needs.keys)
            image, left_out = rom.image(folder, names), len(built) - len(names)
        others = rom.in_the_way(found.sizes, built, before)
        why = rom.refusal(found.rom, len(image), others, mode == "romfs")
        if not why:
            if left_out:
                free = found.rom.size - len(image)
                chosen = Selection([], left_out, free)
                console.print(_said(chosen, needs.named, needs.guessed), soft_wrap=True)
            beside = {*built} - {*rom.in_rom(built)}
            names = _fitting(folder, found, sent, console, board, needs, beside, updates)
            return Way(names, image, rom.hidden(found.sizes, built, before))
    if mode == "romfs":
        raise ToolError(f"the board: {why}", "Without MODE=romfs the package is copied as files.")
    names = _fitting(folder, found, sent, console, board, needs, built, updates)
    return Way(names, why=why)


def _rom_steps(way: Way, found: Found, folder: Path) -> list[Step]:
    """What has to be done to the ROMFS: written if it differs, emptied if files replace it."""
    held = found.rom
    if held is None:
        return []
    if way.image is None:
        return [Step(rom.ENTRY)] if held.digest and held.ours else []
    if held.digest == rom.digest(way.image):
        return []
    path = folder / "rom.img"
    path.write_bytes(way.image)
    return [Step(rom.ENTRY, path)]


def _in_order(
    folder: Path,
    found: Found,
    sent: Mapping[str, Path],
    way: Way,
    todo: Plan,
    burn: list[Step],
) -> list[Step]:
    """The steps so that the board has a whole Petrel, old or new, for as long as it can."""
    config = [Step(name, path) for name, path in sent.items()]
    copy = [Step(name, folder / name) for name in todo.write]
    remove = [Step(name) for name in todo.remove]
    if way.image is None:  # what is removed makes room
        return [*remove, *config, *copy, *burn]
    folders = rom.emptied(found.folders, files(folder))
    return [*config, *burn, *copy, *remove, *(Step(f"{name}/") for name in folders)]


def _where(way: Way, found: Found, burn: list[Step]) -> str:
    """What is said of the ROMFS."""
    if way.image is not None and found.rom:
        done = "written" if burn else "unchanged"
        room = f"{len(way.image):,} of {found.rom.size:,} bytes"
        return f"Petrel is in the board's ROMFS: {room}, {done}."
    emptied = "The ROMFS was emptied." if burn else ""
    return (
        f"Petrel is on the board's file system: {way.why}. {emptied}".rstrip()
        if way.why
        else emptied
    )


@dataclass(frozen=True)
class Needs:
    """What a config asks for: drivers, and keys, none where no config is known.

    guessed: they are those of the example
    """

    named: list[str]
    keys: frozenset[str]
    guessed: bool


def _needs(found: Found, sent: Mapping[str, Path], drivers: tuple[str, ...]) -> Needs:
    text = sent[CONFIG].read_text() if sent else ""
    known = drivers_of(text) if sent else found.drivers
    wanted = {*(example_drivers() if known is None else known), *drivers}
    named = sorted(wanted & {*all_drivers()})  # the board tells of one that there is not
    keys = example_keys() if known is None else keys_of(text) if sent else found.keys
    return Needs(named, keys, known is None and not drivers)


def _fitting(
    folder: Path,
    found: Found,
    sent: Mapping[str, Path],
    console: Console,
    board: Board,
    needs: Needs,
    of: Collection[str],
    updates: bool,
) -> list[str]:
    """Those of a build's files that fit beside what is sent; says what that leaves out."""
    sizes = {name: size for name, size in sizes_of(folder).items() if name in of}
    room = Room(
        storage.of(board),
        storage.capacity(board),
        found.free,
        found.sizes,
        frozenset(record_of(found.record)),
    )
    more = {name: path.stat().st_size for name, path in sent.items()}
    update = update_takes(sizes_of(folder)) if updates else 0
    chosen = select(board, sizes, more, needs.named, room, needs.keys, update)
    if chosen.others:
        console.print(_said(chosen, needs.named, needs.guessed), soft_wrap=True)
    spare = room.spare({**{name: sizes[name] for name in chosen.names}, **more})
    if spare is not None and spare < update:
        console.print(
            f"[yellow]No update will fit beside this:[/] it takes {update:,} bytes, and {spare:,} "
            "stay free. With Petrel in the board's firmware it would (docs/updates.md).",
            soft_wrap=True,
        )
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


def record_of(text: str) -> dict[str, str]:
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
@click.option(
    "--mode",
    type=click.Choice(rom.MODES),
    default="auto",
    show_default=True,
    help="where the code goes: into the firmware's ROMFS, or onto the file system",
)
@click.option("--no-reset", is_flag=True, help="do not restart the board")
def command(
    board: str,
    port: str | None,
    config: Path | None,
    to: Path | None,
    drivers: str,
    mode: str,
    no_reset: bool,
) -> None:
    """Build for BOARD and copy what changed onto it.

    The board keeps its config.json unless you give --config.

    If its firmware has a ROMFS, the code goes there, where it takes little RAM; otherwise it goes
    onto the file system.

    If not all of it fits, only what the node can use is copied, with the drivers that its
    config names and those of --drivers.

    If you have keys (petrel keys), the board gets their public halves, and takes updates that are
    signed with them.
    """
    facts, wanted = boards.load(board), asked(drivers)
    console = Console()
    folder = build(board)
    keyring = Keyring()
    reason = too_small(board)
    keys = "" if reason else keyring.keys_txt()
    if config:
        check_config(config, board)  # before the board is touched
    if to or board == "UNIX":
        if mode == "romfs":
            raise ToolError("a folder has no ROMFS", "Leave MODE=romfs out.")
        where = to or BUILD / "UNIX-flash"
        deploy(folder, Folder(where), config, console, facts, wanted, keys=keys)
        run = (
            "; make sim runs them. For a real board name it: BOARD=ESP32_GENERIC"
            if board == "UNIX" and not to
            else ""
        )
        console.print(f"the files are in {where}{run}", soft_wrap=True)
        return
    target = Mpremote(choose(port))
    deploy(folder, target, config, console, facts, wanted, mode, keys)
    if keys:
        names = ", ".join(key.name for key in keyring.trusted)
        console.print(f"it trusts updates that are signed with {names}", soft_wrap=True)
    elif reason and keyring.trusted:
        console.print(f"it gets no keys, and takes no updates: {reason}", soft_wrap=True)
    if no_reset:
        console.print("the board waits at its REPL; its reset button starts it")
        return
    target.reset()
    console.print("the board restarts; make monitor HOST=your-broker shows its readings")
