"""`sim`: the simulated board with its console on this terminal."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import click

from tools.make.package import build
from tools.play.sim.access_point import HTTP, LOOPBACK
from tools.play.sim.bench import WIFI, Bench
from tools.play.sim.serial_port import SerialPort
from tools.play.sim.world import World
from tools.shared.errors import ToolError
from tools.shared.paths import BUILD, MICROPYTHON, ROOT


def example() -> dict[str, Any]:
    """The example config with values that connect: a broker on this computer."""
    found: dict[str, Any] = json.loads((ROOT / "firmware" / "config.json").read_text())
    return {**found, "wifi": WIFI, "mqtt": {"host": "127.0.0.1"}}


def network(config: Path) -> dict[str, Any]:
    """The Wi-Fi that a config asks for; the bench's own if it names none, or cannot be read."""
    try:
        wifi = json.loads(config.read_text("utf-8-sig"))["wifi"]
        return {"ssid": str(wifi["ssid"]), "password": str(wifi.get("password", ""))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return WIFI


@click.command()
@click.option(
    "--flash",
    type=click.Path(file_okay=False, path_type=Path),
    default=BUILD / "UNIX-flash",
    help="folder that is the board's file system  [default: build/UNIX-flash]",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="config.json to use",
)
@click.option(
    "--parts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON: models by pin, such as {"adc:34": {"model": "waveform"}}',
)
@click.option("--heap", help="heap of the board, such as 38K")
@click.option("--serial", is_flag=True, help="give it a serial port, for petrel provision")
@click.option(
    "--bits", type=click.Choice(["64", "32"]), default="64", show_default=True,
    help="MicroPython of that width",
)  # fmt: skip
def command(
    flash: Path, config: Path | None, parts: Path | None, heap: str | None, bits: str, serial: bool
) -> None:
    """Run the simulated board of boards/UNIX until Ctrl-C.

    Its flash is a folder; Petrel is copied there first. Its Wi-Fi has the name and password of its
    config, and leads into this computer's network. Without a config it gets an example, whose
    broker is on this computer.
    """
    if heap and not re.fullmatch(r"[1-9]\d*[KkMm]?", heap):
        raise ToolError(f"--heap: {heap!r} is not a size", "Use bytes, or K or M, such as 38K.")
    models = _models(parts) if parts else {}
    flash = flash.resolve()  # the board runs in there
    shutil.copytree(build("UNIX"), flash, dirs_exist_ok=True)
    settled = flash / "config.json"
    if config:
        shutil.copy(config, settled)
    elif not settled.exists():
        settled.write_text(json.dumps(example(), indent=2) + "\n")
        print(f"running an example: {settled}. Edit it, or give CONFIG=file")
    with contextlib.ExitStack() as held:
        port = held.enter_context(SerialPort(_say)) if serial else None
        bench = held.enter_context(
            Bench(
                flash,
                interpreter=MICROPYTHON[bits],
                heap=heap,
                parts=models,
                wifi=network(settled),
                echo=print,
                serial=port.board if port else None,
            )
        )
        if port:
            print(f"the board's serial port: make provision PORT={port.name}", flush=True)
        host, control = bench.control_address
        print(
            f"control socket: {host}:{control}; send one JSON object per line, such as "
            '{"do": "press", "pin": 4}; Ctrl-C ends'
        )
        bench.world.access_point.on_change = lambda: _show(bench.world)
        bench.power_on()
        bench.wait_failed()
    raise ToolError("the board's process ended", "See above what it said.")


def _say(line: str) -> None:
    print(line, flush=True)


def _show(world: World) -> None:
    """Say where the page of the board's access point is, once it listens."""
    access_point = world.access_point
    if HTTP in access_point.ports:
        ssid, password = world.wifi["ssid"], world.wifi["password"]
        print(
            f"the page is at http://{LOOPBACK}:{access_point.ports[HTTP]} on this computer; the "
            f'Wi-Fi in reach is "{ssid}", its password "{password}"'
        )


def _models(path: Path) -> dict[str, Any]:
    """The parts that a file describes; raises ToolError for what is no such file."""
    form = 'It has to be JSON, such as {"adc:34": {"model": "waveform"}}'
    try:
        models = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{path}: {error}", form) from error
    described = [
        each
        for model in (models.values() if isinstance(models, dict) else [None])
        for each in (model if isinstance(model, list) else [model])
    ]
    if not all(isinstance(each, dict) and "model" in each for each in described):
        raise ToolError(f"{path}: each pin needs an object with its model", form)
    return dict(models)
