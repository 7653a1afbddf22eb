"""`repl`: the prompt of a board, or of the simulated one."""

from __future__ import annotations

import subprocess
import sys

import click

from tools.board.deploy import deploy
from tools.board.targets import CONFIG, Folder
from tools.make.package import build
from tools.play.sim import Bench
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, MICROPYTHON
from tools.shared.ports import choose


@click.command()
@click.argument("board")
@click.option("--port", help="serial port  [default: the only one plugged in]")
def command(board: str, port: str | None) -> None:
    """Open the REPL of BOARD with mpremote; BOARD=UNIX is the simulated board.

    On the simulated board the node's modules can be imported, and `machine` has its pins.
    """
    if board == "UNIX":
        from rich.console import Console

        flash = BUILD / "UNIX-flash"
        deploy(build("UNIX"), Folder(flash), None, Console())
        print(
            "the simulated board; Ctrl-D leaves. Try: from machine import ADC; ADC(34).read_uv()"
        )
        maintenance = flash / "maintenance"
        waits = not (flash / CONFIG).exists() and not maintenance.exists()
        if waits:  # without a config the node would wait for one before there is a prompt
            maintenance.touch()
        try:
            with Bench(flash, interpreter=MICROPYTHON["64"], interactive=True) as bench:
                bench.power_on()
                bench.wait_exit()
        finally:
            if waits:
                maintenance.unlink(missing_ok=True)
        return
    where = choose(port)
    if subprocess.run([sys.executable, "-m", "mpremote", "connect", where, "repl"]).returncode:
        raise ToolError(
            f"mpremote could not open {where}",
            "Is the board plugged in, and the port free? Close other programs that use it.",
        )
