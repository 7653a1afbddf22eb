"""`release`: everything that a version offers for download, in build/release/<VERSION>/.

ready: whether the version may be released, and what to do if not. contents: the files. The same
commit gives the same bytes, on any machine with the same packages, so that anybody can check a
release by making it again.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tools.make.release import contents, ready
from tools.shared.locks import Lock
from tools.shared.paths import BUILD, ROOT

RELEASES = BUILD / "release"


@click.command()
@click.argument("version")
@click.option(
    "--prepare", is_flag=True,
    help="write the version and today's date into the files that say them, for you to commit",
)  # fmt: skip
def command(version: str, prepare: bool) -> None:
    """Make the files of the release VERSION, such as 0.2.0, in build/release/VERSION/.

    \b
    petrel release 0.2.0 --prepare     write the version where it is said
    git commit -am "Release 0.2.0"     after a look at what has changed
    petrel release 0.2.0               make the files

    VERSION needs a section in CHANGELOG.md, and a clean tree.
    """
    console = Console()
    ready.semantic(version)
    if prepare:
        changed = ready.prepare(version)
        shown = [path.relative_to(ROOT).as_posix() for path in changed]
        console.print("\n".join(f"written: {name}" for name in shown) or "nothing to write")
        console.print(f'next: git commit -am "Release {version}", then petrel release {version}')
        return
    notes = ready.check(version)
    folder = make(version, notes, console)
    console.print(_table(folder))
    console.print(f"written: {folder.relative_to(ROOT)}")
    console.print(f'next: git tag -a v{version} -m "Petrel {version}"; push it; upload the files')


def make(version: str, notes: str, console: Console) -> Path:
    """Make all files of a release in place of what stood there; returns their folder."""
    final = RELEASES / version
    partial = RELEASES / f"{version}.partial"
    with Lock(RELEASES / "lock"):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with console.status("") as status:
            contents.fill(partial, version, notes, status.update)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
    return final


def _table(folder: Path) -> Table:
    table = Table("file", title=folder.name, title_justify="left")
    table.add_column("bytes", justify="right")
    for path in sorted(folder.iterdir()):
        if path.is_file():
            table.add_row(path.name, f"{path.stat().st_size:,}")
        else:
            files = [each for each in path.rglob("*") if each.is_file()]
            size = sum(each.stat().st_size for each in files)
            table.add_row(f"{path.name}/  ({len(files)} files)", f"{size:,}")
    return table
