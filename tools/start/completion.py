"""`completion`: what a shell has to read so that it completes petrel's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what makes a SHELL complete petrel's commands, options and boards.

    \b
    bash, in ~/.bashrc:                  eval "$(petrel completion bash)"
    zsh, in ~/.zshrc:                    eval "$(petrel completion zsh)"
    fish, in ~/.config/fish/config.fish: petrel completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind  # the shells are click's
    click.echo(kind(ctx.find_root().command, {}, "petrel", "_PETREL_COMPLETE").source())
