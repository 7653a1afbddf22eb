"""`sim`: the simulated board with its console on this terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from tools.paths import BUILD, MICROPYTHON
from tools.sim.bench import Bench


@click.command()
@click.option(
    "--flash",
    type=click.Path(path_type=Path),
    default=BUILD / "UNIX-flash",
    help="folder that is the board's file system  [default: build/UNIX-flash]",
)
@click.option("--config", type=click.Path(path_type=Path, exists=True), help="config.json to use")
@click.option(
    "--parts",
    type=click.Path(path_type=Path, exists=True),
    help='JSON: models by pin, such as {"adc:34": {"model": "waveform"}}',
)
@click.option("--heap", help="heap of the board, such as 38K")
@click.option("--bits", type=click.Choice(["64", "32"]), default="64", show_default=True)
def command(
    flash: Path, config: Path | None, parts: Path | None, heap: str | None, bits: str
) -> None:
    """Run the simulated board of boards/UNIX until Ctrl-C. Its flash is a folder, made from
    build/UNIX at the first time; its Wi-Fi is called "bench", with the password "petrel"."""
    shutil.copytree(BUILD / "UNIX", flash, dirs_exist_ok=True)
    if config:
        shutil.copy(config, flash / "config.json")
    models = json.loads(parts.read_text()) if parts else {}
    with Bench(flash, interpreter=MICROPYTHON[bits], heap=heap, parts=models, echo=print) as bench:
        host, port = bench.control_address
        print(
            f"control socket: {host}:{port}; one JSON object a line, such as "
            '{"do": "press", "pin": 4}; Ctrl-C ends'
        )
        bench.power_on()
        while True:
            bench.wait_for_resets(len(bench.resets) + 1, timeout=1e9)
