"""`clean`: removes what was built, and the tools as well if asked."""

from __future__ import annotations

import shutil

import click

from tools.shared.paths import BUILD, ROOT, TOOLS, VENV


@click.command()
@click.option("--all", "everything", is_flag=True, help="remove the tools, .venv and .tools, too")
def command(everything: bool) -> None:
    """Remove what was built: the folder build/."""
    for folder in (BUILD, VENV, TOOLS) if everything else (BUILD,):
        if folder.is_symlink():  # another checkout's, shared with this one
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        else:
            continue
        click.echo(f"removed: {folder.relative_to(ROOT)}")
