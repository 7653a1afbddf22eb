"""`python -m tools`: finds the command's module."""

from __future__ import annotations

import importlib
import sys

import click

from tools import cli

COMMANDS = {
    "demo": "The whole node on this computer, against a real broker.",
    "build": "Compile the package for a board, into build/<BOARD>/.",
    "check": "Say what a board would say of a config, and which pins are better.",
    "wiring": "Draw how the parts of a config are wired to a board.",
    "firmware": "Build MicroPython for a board, with Petrel frozen in.",
    "flash": "Put MicroPython onto a board.",
    "deploy": "Copy the package onto a board; only what changed travels.",
    "usb": "Make the folder for a Pyboard's USB drive, and copy it there.",
    "repl": "Open a board's REPL.",
    "bridge": "Carry a board's MQTT from its serial port to a broker.",
    "monitor": "Show the readings that arrive at a broker.",
    "send": "Send a command to a node, signed if need be, and show its reply.",
    "broker": "Run a broker on this computer, for those who have none.",
    "sim": "Run the simulated board of boards/UNIX.",
    "bench": "Measure the MQTT clients: RAM, allocations, speeds.",
    "docs": "Build the documentation site.",
    "lint": "Check style, types and layers.",
}


class Commands(click.Group):
    """Loads a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"tools.{cmd_name}").command
        command.short_help = COMMANDS[cmd_name]
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Petrel's host program. Each command explains itself with --help."""


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m tools"))
