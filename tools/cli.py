"""Runs a command line, and reports what goes wrong in the same words everywhere."""

from __future__ import annotations

import sys

import click

from tools.errors import ToolError


def run(command: click.Command, name: str) -> int:
    """Run a command with the arguments of this process; returns the exit status.

    name: what a person types to start it
    """
    try:
        status = command.main(prog_name=name, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except ToolError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return 1
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        print(f"error: {error.format_message()}", file=sys.stderr)
        if context:
            print(f"  {context.command_path} --help says what it takes", file=sys.stderr)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("\nstopped", file=sys.stderr)
        return 130
