"""`petrel`, or `python -m tools`: finds the command's module, and has it set up."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from pathlib import Path

try:
    import click
    from click.shell_completion import CompletionItem
except ModuleNotFoundError:
    sys.exit("error: this Python has no click\n  Use .venv/bin/petrel, after make setup.")

from tools import cli
from tools.commands import COMMANDS, GROUPS
from tools.shared.errors import ToolError
from tools.shared.paths import VENV
from tools.start import bootstrap

PROGRAM = VENV / "bin" / "petrel"


class Commands(click.Group):
    """Loads a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        try:
            command: click.Command = importlib.import_module(entry.module).command
        except ModuleNotFoundError as error:
            if ctx.resilient_parsing:  # the shell completes; it has no options to offer yet
                return click.Command(cmd_name)
            raise ToolError(
                f"this Python has no {error.name}", "Run petrel setup, then try again."
            ) from error
        command.short_help = entry.words
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        entry = COMMANDS.get(args[0])
        if not entry and not ctx.resilient_parsing:
            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f"Did you mean {close[0]}? " if close else ""
            raise ToolError(f"there is no command {args[0]!r}", f"{meant}See petrel --help.")
        asks = ctx.resilient_parsing or {"-h", "--help"} & set(args)
        if entry and entry.level and not asks:
            _set_up(entry.level)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What fits, without loading the commands."""
        fitting = [name for name in COMMANDS if name.startswith(incomplete)]
        return [
            *(CompletionItem(name, help=COMMANDS[name].words) for name in fitting),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.words) for name, entry in group.items()])


def _show_version(ctx: click.Context, _option: object, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"petrel {importlib.import_module('tools.make.mip').version()}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version and exit.",
)  # fmt: skip
def main() -> None:
    """Petrel's commands. Each of them explains itself: petrel COMMAND --help."""


def run() -> None:
    """The console script `petrel`; it works from any folder, and in any environment."""
    if PROGRAM.exists():
        _enter()
    sys.exit(cli.run(main, "petrel", by_make=False))


def _set_up(level: str) -> None:
    if bootstrap.main(level):
        raise SystemExit(1)
    _enter()


def _enter() -> None:
    """Go on in .venv, which has the pinned packages, unless this is it."""
    if not Path(sys.prefix).samefile(VENV):
        os.execv(PROGRAM, [str(PROGRAM), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(cli.run(main, ".venv/bin/petrel"))
