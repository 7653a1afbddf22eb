"""`petrel`, or `python -m tools`: finds the command's module."""

from __future__ import annotations

import importlib
import sys

try:
    import click
except ModuleNotFoundError:
    sys.exit("error: this Python has no click\n  Use .venv/bin/python -m tools, after make setup.")

from tools import cli
from tools.shared.errors import ToolError

# Each command: its module below tools/, and what it does.
COMMANDS = {
    "demo": ("play.demo", "Watch a whole node on this computer, against a real broker."),
    "play": (
        "play.playground",
        "Play with a simulated node: set what it measures, break its network.",
    ),
    "build": ("make.package", "Compile Petrel for a board, into build/<BOARD>/."),
    "check": ("config.check", "Check a config for a board, and suggest better pins."),
    "wiring": ("docs.wiring", "Draw how the parts of a config are wired to a board."),
    "firmware": ("make.firmware", "Build MicroPython for a board, with Petrel frozen in."),
    "flash": ("board.flash", "Put MicroPython onto a board."),
    "deploy": ("board.deploy", "Copy Petrel onto a board; only what changed is sent."),
    "usb": ("board.usb", "Copy Petrel onto a Pyboard's USB drive."),
    "repl": ("board.repl", "Open a board's REPL."),
    "bridge": ("talk.bridge", "Carry a board's MQTT from its serial port to a broker."),
    "monitor": ("talk.monitor", "Show the readings that arrive at a broker."),
    "send": ("talk.send", "Send a command to a node, signed if needed, and show its reply."),
    "broker": ("play.broker", "Run a broker on this computer, if you have none."),
    "sim": ("play.sim", "Run the simulated board and its node."),
    "bench": ("lab.bench", "Measure the MQTT clients: RAM, allocations, speeds."),
    "docs": ("docs.site", "Build the documentation site."),
    "lint": ("lint.command", "Check style, types, layers, spelling and phrases."),
}


class Commands(click.Group):
    """Loads a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, short_help = COMMANDS[cmd_name]
        try:
            command: click.Command = importlib.import_module(f"tools.{module}").command
        except ModuleNotFoundError as error:
            raise ToolError(
                f"this Python has no {error.name}",
                "Use .venv/bin/python -m tools, after make setup.",
            ) from error
        command.short_help = short_help
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Petrel's host program. Each command explains itself with --help."""


def run() -> None:
    """The console script `petrel`; it works from any folder."""
    sys.exit(cli.run(main, "petrel"))


if __name__ == "__main__":
    sys.exit(cli.run(main, ".venv/bin/python -m tools"))
