"""Runs a command line, and reports what goes wrong in the same words everywhere."""

from __future__ import annotations

import re
import sys

import click

from tools.shared.errors import ToolError


def run(command: click.Command, name: str, by_make: bool = True) -> int:
    """Run a command with the arguments of this process; returns the exit status.

    name: what a person types to start it
    by_make: whether that is make, in whose words the code says what to do about an error
    """
    try:
        status = command.main(prog_name=name, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except ToolError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint if by_make else as_petrel(error.hint)}", file=sys.stderr)
        return 1
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        print(f"error: {_words(error)}", file=sys.stderr)
        if context:
            print(f"  See {context.command_path} --help, or make help.", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named: a bug, to be seen whole
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except click.exceptions.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("\nstopped", file=sys.stderr)
        return 130


def _words(error: click.ClickException) -> str:
    """What is wrong with a command line, in the words of the other errors."""
    text = error.format_message()
    text = re.sub(r"^Invalid value for '(.+?)': ", r"\1: ", text)
    text = text.replace("a valid integer range", "a whole number")
    text = text.replace("a valid float range", "a number")
    text = re.sub(
        r"(\S+) is not in the range x>=(\S+)\.$", r"\1 is too small. Use \2 or more.", text
    )
    return re.sub(
        r"(\S+) is not in the range x>(\S+)\.$", r"\1 is too small. Use more than \2.", text
    )


def as_petrel(hint: str) -> str:
    """The same advice for those who type petrel: --port /dev/ttyUSB0 in place of PORT=..."""
    if "make -C" in hint or "DEBIAN_MIRROR" in hint:  # a make of MicroPython's; the environment
        return hint
    hint = re.sub(r"\bmake (check|wiring) CONFIG=", r"petrel \1 BOARD ", hint)
    hint = re.sub(r"(?<!petrel keys )\bmake (?=[a-z])", "petrel ", hint)
    hint = re.sub(r"\bBOARD=(?=\w)", "", hint)

    def option(match: re.Match[str]) -> str:
        space = " " if match[2] else ""
        return f"--{match[1].lower().replace('_', '-')}{space}{match[2]}"

    return re.sub(r"\b([A-Z_]{3,})=([^\s,.;()]?)", option, hint)
