"""`check`: the node's own check of a config, before it gets onto a board."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import click
from rich.console import Console

from tools import boards
from tools.errors import ToolError
from tools.paths import LIB, MICROPYTHON

_CODE = """
import json, sys
from node.schema import check
try:
    import board
except ImportError:
    board = None
warnings = []
faults = check(json.loads(sys.stdin.read()), board, warnings)
print(json.dumps([faults, warnings]))
"""


def check_config(path: Path, board: str) -> None:
    """Refuse a config that the board would refuse."""
    faults = findings(read(path), board)[0]
    if faults:
        raise ToolError(f"{path} would be refused", "\n  ".join(faults))


def read(path: Path) -> object:
    """What a config file says; raises ToolError if it is no JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ToolError(
            f"{path}: {error}", "it has to be JSON, see config.example.json"
        ) from error


def config_faults(config: object, board: str) -> list[str]:
    """Why the node would refuse a config."""
    return findings(config, board)[0]


def findings(config: object, board: str) -> tuple[list[str], list[str]]:
    """The faults and the warnings of the node's own check, run in the unix port of MicroPython."""
    with tempfile.TemporaryDirectory(prefix="petrel-check-") as generated:
        (Path(generated) / "board.py").write_text(boards.load(board).module())
        done = subprocess.run(
            [str(MICROPYTHON["64"]), "-c", _CODE],
            input=json.dumps(config),
            env={"MICROPYPATH": f"{LIB}:{generated}:.frozen"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise ToolError(f"the check of the config failed: {done.stderr.strip()[-300:]}")
    faults, warnings = json.loads(done.stdout)
    return faults, warnings


@click.command()
@click.argument("board")
@click.argument("config", type=click.Path(exists=True, path_type=Path))
def command(board: str, config: Path) -> None:
    """Say what BOARD would say of CONFIG, a config.json, and which pins would be better.

    The exit status is 1 if it would be refused, and 0 with warnings alone.
    """
    boards.load(board)
    faults, warnings = findings(read(config), board)
    console = Console(highlight=False, soft_wrap=True)
    for fault in faults:
        console.print(f"[bold red]refused[/] {fault}")
    for warning in warnings:
        console.print(f"[bold yellow]warning[/] {warning}")
    if faults:
        raise ToolError(f"{board} would refuse {config}", "mend what is said above")
    console.print(f"[bold green]good[/] for {board}" + (", but see above" if warnings else ""))
