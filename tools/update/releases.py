"""`release`: signed updates for your own nodes; the files of a version are tools.make.release."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tools.make import mip
from tools.make.release import command as files
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.update import release
from tools.update.keyring import Keyring, unlock
from tools.update.keys import folder_option
from tools.update.manifest import HIGHEST_SERIAL, Manifest, Refused
from tools.update.verify import check_folder

_SERIAL = click.IntRange(1, HIGHEST_SERIAL)
_FOLDER = click.Path(file_okay=False, path_type=Path)


class Releases(click.Group):
    """A group in which a version stands for the command `files` with that version."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["files", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Releases)
def command() -> None:
    """Make a signed update for your nodes, or the files of a version.

    \b
    petrel release sign --key main     an update for your nodes, in updates/SERIAL/
    petrel release verify updates/12   whether nodes would take it
    petrel release 0.2.0               the files of a version, in build/release/0.2.0/
    """


command.add_command(files, "files")


@command.command("sign")
@click.argument("names", metavar="[BOARD]...", nargs=-1, shell_complete=boards.complete)
@click.option(
    "--key", "named", default="main", show_default=True, help="a key's name, or its file.pem"
)
@click.option(
    "--out",
    type=_FOLDER,
    default=release.UPDATES,
    show_default=True,
    help="the folder of all your releases",
)
@click.option("--version", help="what people are to read  [default: Petrel's, and the serial]")
@click.option("--serial", type=_SERIAL, help="its number  [default: one more than the last]")
@click.option(
    "--downgrade",
    type=_SERIAL,
    help="nodes whose serial is up to this one take the release even if its own is not higher",
)
@folder_option
def sign(
    names: tuple[str, ...],
    named: str,
    out: Path,
    version: str | None,
    serial: int | None,
    downgrade: int | None,
    keyring: Keyring,
) -> None:
    """Build this checkout for each BOARD, and sign it as an update for your nodes.

    Without a BOARD it is built for all that have room for two slots. Any web server can serve the
    folder; petrel offer gives it to your nodes.
    """
    for name in names:
        boards.load(name)
    signer = unlock(keyring, named)
    keys_txt = keyring.keys_txt()
    if not keys_txt:
        raise ToolError(f"there are no keys in {keyring.folder}", "Name their folder with --keys.")
    number = serial or release.next_serial(out, keyring.serial)
    if number <= keyring.serial and downgrade is None:
        raise ToolError(
            f"--serial {number}: your last release had {keyring.serial}; nodes that have it "
            "would refuse this one",
            f"Leave --serial out, or add --downgrade {keyring.serial}.",
        )
    if number > HIGHEST_SERIAL:
        raise ToolError(f"serial {number} is too high", f"{HIGHEST_SERIAL} is the highest.")
    console = Console(highlight=False, soft_wrap=True)
    with console.status("") as status:
        made = release.make(
            out, names or release.fitting(), signer, keys_txt, number,
            version or f"{mip.version()}+{number}", downgrade, status.update,
        )  # fmt: skip
    keyring.used(number)
    console.print(_table(made))
    console.print(f"written: {out / str(number)}, signed with the key {signer.id}")
    if signer.id not in release.trusted_of(keys_txt):
        console.print("This release makes nodes forget the key that it is signed with.")
    console.print("next: petrel offer gives it to your nodes")


@command.command("verify")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--trusted",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a keys.txt  [default: the keys of your keyring]",
)
@folder_option
def verify(folder: Path, trusted: Path | None, keyring: Keyring) -> None:
    """Check the release in FOLDER as nodes do: signature, list, and each file.

    FOLDER is that of a release, such as updates/12, or of one board in it.
    """
    text = trusted.read_text() if trusted else keyring.keys_txt()
    keys = release.trusted_of(text)
    console = Console(highlight=False, soft_wrap=True)
    each = sorted(path.parent for path in folder.glob("*/offer")) or [folder]
    made = {}
    for board in each:
        try:
            made[board.name], _ = check_folder(board, keys)
        except Refused as error:
            raise ToolError(
                f"{board}: {error}", "Don't offer it. Make the release again, or copy it again."
            ) from error
    console.print(_table(made))
    console.print("good: nodes that trust these keys would take it")


def _table(made: dict[str, Manifest]) -> Table:
    table = Table("board", "version", "serial", "downgrade from", ".mpy")
    table.add_column("files", justify="right")
    table.add_column("bytes", justify="right")
    for name, told in made.items():
        below = f"up to {told.downgrade}" if told.downgrade else ""
        table.add_row(
            name, told.version, str(told.serial), below, str(told.mpy),
            str(told.files), f"{told.size:,}",
        )  # fmt: skip
    return table
