"""`setup`: what `make setup` does, for those who type petrel."""

from __future__ import annotations

import click

from tools.start import bootstrap


@click.command()
@click.argument("level", default="test", type=click.Choice(bootstrap.LEVELS))
def command(level: str) -> int:
    """Install the tools into .venv and .tools; no root needed.

    LEVEL is how much of them: host is what the commands for boards and brokers need, demo a broker
    besides, test (the default) everything. Each command installs what it needs by itself.
    """
    return bootstrap.main(level)
