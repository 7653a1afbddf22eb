"""`sim`: the simulated board with its console on this terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click

from tools.paths import BUILD, MICROPYTHON, ROOT
from tools.sim.bench import Bench

WIFI = {"ssid": "bench", "password": "petrel-bench"}


def example() -> dict[str, Any]:
    """The example config with values that connect: a broker on this computer."""
    found: dict[str, Any] = json.loads((ROOT / "firmware" / "config.json").read_text())
    return {**found, "wifi": WIFI, "mqtt": {"host": "127.0.0.1"}}


def network(config: Path) -> dict[str, Any]:
    """The Wi-Fi that a config asks for; the bench's own if it names none, or cannot be read."""
    try:
        wifi = json.loads(config.read_text())["wifi"]
        return {"ssid": str(wifi["ssid"]), "password": str(wifi.get("password", ""))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return WIFI


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
    """Run the simulated board of boards/UNIX until Ctrl-C.

    Its flash is a folder, made from build/UNIX the first time. Its Wi-Fi is the one that its
    config asks for, and leads into this computer's network. Without a config it gets an example,
    whose broker is on this computer.
    """
    shutil.copytree(BUILD / "UNIX", flash, dirs_exist_ok=True)
    settled = flash / "config.json"
    if config:
        shutil.copy(config, settled)
    elif not settled.exists():
        settled.write_text(json.dumps(example(), indent=2) + "\n")
        print(f"no config yet: {settled} is an example; edit it, or give CONFIG=file")
    models = json.loads(parts.read_text()) if parts else {}
    with Bench(
        flash,
        interpreter=MICROPYTHON[bits],
        heap=heap,
        parts=models,
        wifi=network(settled),
        echo=print,
    ) as bench:
        host, port = bench.control_address
        print(
            f"control socket: {host}:{port}; one JSON object a line, such as "
            '{"do": "press", "pin": 4}; Ctrl-C ends'
        )
        bench.power_on()
        while True:
            bench.wait_for_resets(len(bench.resets) + 1, timeout=1e9)
