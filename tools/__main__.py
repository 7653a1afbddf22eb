"""`petrel`, or `python -m tools`: finds the command's module."""

from __future__ import annotations

import importlib
import sys

try:
    import click
except ModuleNotFoundError:
    sys.exit("error: this Python has no click\n  Use .venv/bin/python -m tools, after make setup.")

from tools import cli
from tools.errors import ToolError

COMMANDS = {
    "demo": "Watch a whole node on this computer, against a real broker.",
    "play": "Play with a simulated node: set what it measures, break its network.",
    "build": "Compile Petrel for a board, into build/<BOARD>/.",
    "check": "Check a config for a board, and suggest better pins.",
    "wiring": "Draw how the parts of a config are wired to a board.",
    "firmware": "Build MicroPython for a board, with Petrel frozen in.",
    "flash": "Put MicroPython onto a board.",
    "deploy": "Copy Petrel onto a board; only what changed is sent.",
    "usb": "Copy Petrel onto a Pyboard's USB drive.",
    "repl": "Open a board's REPL.",
    "bridge": "Carry a board's MQTT from its serial port to a broker.",
    "monitor": "Show the readings that arrive at a broker.",
    "send": "Send a command to a node, signed if needed, and show its reply.",
    "broker": "Run a broker on this computer, if you have none.",
    "sim": "Run the simulated board and its node.",
    "bench": "Measure the MQTT clients: RAM, allocations, speeds.",
    "docs": "Build the documentation site.",
    "lint": "Check style, types, layers, spelling and phrases.",
}


class Commands(click.Group):
    """Loads a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        try:
            command: click.Command = importlib.import_module(f"tools.{cmd_name}").command
        except ModuleNotFoundError as error:
            raise ToolError(
                f"this Python has no {error.name}",
                "Use .venv/bin/python -m tools, after make setup.",
            ) from error
        command.short_help = COMMANDS[cmd_name]
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Petrel's host program. Each command explains itself with --help."""


def run() -> None:
    """The console script `petrel`; it works from any folder."""
    sys.exit(cli.run(main, "petrel"))


if __name__ == "__main__":
    sys.exit(cli.run(main, ".venv/bin/python -m tools"))
