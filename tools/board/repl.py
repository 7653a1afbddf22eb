"""`repl`: the prompt of a board, or of the simulated one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from tools.play.simulated_repl import simulated_repl
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.ports import choose


@click.command()
@click.argument("board", shell_complete=boards.complete)
@click.option("--port", help="serial port  [default: the only one plugged in]")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="the sensors of the simulated board  [default: an example]",
)
def command(board: str, port: str | None, config: Path | None) -> None:
    """Open the REPL of BOARD with mpremote; BOARD=UNIX is the simulated board.

    The simulated board has a part for each sensor of the config, and the sensors are made already.
    """
    if board == "UNIX":
        simulated_repl(config)
        return
    if config:
        raise ToolError(
            "the REPL of a board takes no config",
            f"make deploy BOARD={board} CONFIG={config} sends it to the board.",
        )
    where = choose(port)
    if subprocess.run([sys.executable, "-m", "mpremote", "connect", where, "repl"]).returncode:
        raise ToolError(
            f"mpremote could not open {where}",
            "Is the board plugged in, and the port free? Close other programs that use it.",
        )
