"""`keys`: the keys that releases are signed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tools.shared.errors import ToolError
from tools.update import release
from tools.update.keyring import (
    FOLDER_VARIABLE,
    Keyring,
    PublicKey,
    file_of,
    passphrase,
    unlocked,
)
from tools.update.verify import MOST_KEYS, key_line


def updates_option(function: Any) -> Any:
    """Give a command the option --from; it gets the folder of the releases as `updates`."""
    return click.option(
        "--from", "updates", type=click.Path(file_okay=False, path_type=Path),
        default=release.UPDATES, show_default=True, help="the folder of your releases",
    )(function)  # fmt: skip


def folder_option(function: Any) -> Any:
    """Give a command the option --keys; it gets the Keyring as `keyring`."""
    return click.option(
        "--keys", "keyring",
        type=click.Path(file_okay=False, path_type=Path),
        callback=lambda _ctx, _option, folder: Keyring(folder),
        help=f"the folder of the keys  [default: {FOLDER_VARIABLE}, or petrel/keys in ~/.config]",
    )(function)  # fmt: skip


@click.group()
def command() -> None:
    """Make and change the keys that releases are signed with.

    A node takes an update only if it is signed with a key that it trusts.

    \b
    petrel keys make main      the key that you sign with
    petrel keys make spare     another one, to be kept elsewhere
    """


@command.command("make")
@click.argument("name", default="main")
@folder_option
def make(name: str, keyring: Keyring) -> None:
    """Make a key NAME, encrypted with a passphrase.

    The passphrase is what you type, or PETREL_PASSPHRASE.
    """
    _made(keyring, name)
    console = _console()
    console.print("Copy that file and keyring.json to a second place; without them there is no")
    console.print("way to update your nodes but by cable.")
    console.print("next: deploy your boards; each gets the public half")


@command.command("add")
@click.argument("file")
@folder_option
def add(file: str, keyring: Keyring) -> None:
    """Take in the key in FILE, or the one of that name in the folder, if keyring.json was lost."""
    path = file_of(keyring, file)
    _tell_made(keyring, keyring.add(path.stem, unlocked(path).modulus), path, "added")


@command.command("list")
@folder_option
def list_(keyring: Keyring) -> None:
    """List the keys."""
    if not keyring.keys:
        raise ToolError(f"there are no keys in {keyring.folder}", "Make one: petrel keys make")
    table = Table("name", "id", "made", "nodes trust it", "private key")
    for key in keyring.keys:
        here = "here" if keyring.path(key.name).exists() else "elsewhere"
        table.add_row(key.name, key.id, key.made, "yes" if key.trusted else "no", here)
    console = _console()
    console.print(table)
    console.print(f"in {keyring.folder}; the last release had serial {keyring.serial}")


@command.command("show")
@click.argument("name", required=False)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="write it into a file"
)
@folder_option
def show(name: str | None, out: Path | None, keyring: Keyring) -> None:
    """Print the public key NAME, or the keys.txt of a node with all that it is to trust."""
    text = key_line(keyring.public(name).raw) if name else keyring.keys_txt()
    if not text:
        raise ToolError(f"there are no keys in {keyring.folder}", "Make one: petrel keys make")
    if out:
        out.write_text(text)
    else:
        click.echo(text, nl=False)


@command.command("rotate")
@click.argument("old")
@click.argument("new")
@folder_option
def rotate(old: str, new: str, keyring: Keyring) -> None:
    """Replace the key OLD by a key NEW that is made now.

    Nodes get NEW with a release that OLD signs, and forget OLD with one that NEW signs.
    """
    keyring.public(old)
    _made(keyring, new)
    console = _console()
    console.print("next:")
    console.print(f"  petrel release sign --key {old}    tells your nodes of {new}")
    console.print("  wait until each node has that release")
    console.print(f"  petrel keys retire {old}")
    console.print(f"  petrel release sign --key {new}    makes them forget {old}")


@command.command("retire")
@click.argument("name")
@folder_option
def retire(name: str, keyring: Keyring) -> None:
    """Have the next release make nodes forget the key NAME."""
    keyring.retire(name)
    left = ", ".join(key.name for key in keyring.trusted)
    console = _console()
    console.print(f"From the next release on, nodes trust {left}.")
    console.print("A node that misses that release still trusts it; see docs/keys.md.")


def _made(keyring: Keyring, name: str) -> None:
    keyring.check_new(name)
    words = passphrase(f"a passphrase for {name}", new=True)
    with _console().status("making a key"):
        key = keyring.make(name, words)
    _tell_made(keyring, key, keyring.path(name), "made")


def _tell_made(keyring: Keyring, key: PublicKey, path: Path, what: str) -> None:
    console = _console()
    console.print(f"{what}: {key.name}, id {key.id}, in {path}")
    trusted = ", ".join(each.name for each in keyring.trusted)
    console.print(f"nodes are to trust {trusted} ({len(keyring.trusted)} of {MOST_KEYS})")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
