"""`play`: a broker, a simulated node, a live table and a prompt, in one terminal.

parts: what is wired to the board, from its config. stage: all of it together, and what can be done
to it. azure: the same with a hub in place of the broker. prompt: what is typed. screen: what is
seen.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from tools.play.playground.prompt import Prompt, Quit
from tools.play.playground.stage import Stage
from tools.shared.errors import ToolError

EXAMPLE = Path(__file__).with_name("example.json")


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="config.json of the node  [default: an example]",
)  # fmt: skip
@click.option(
    "--cloud", type=click.Choice(["azure"]),
    help="have a hub like Azure's in place of the broker",
)  # fmt: skip
@click.option("--do", "typed", multiple=True, help="run this command and wait, without the screen")
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=3.0, help="how long to wait after --do"
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, file_okay=False),
    help="write pictures of a session into this folder: play.svg and monitor.svg",
)
def command(
    config: Path | None,
    cloud: str | None,
    typed: tuple[str, ...],
    seconds: float,
    picture: Path | None,
) -> None:
    """Play with a simulated node: set what its sensors measure, and break its network.

    Without --config it has a few sensors and a relay. Type help. With --do it runs without the
    screen, such as: play --do "air.temperature 31" --do "wifi off"
    """
    if cloud and picture:
        raise click.UsageError("--picture is without --cloud")
    with staged(read(config or EXAMPLE), cloud) as stage:
        if picture:
            from tools.play.playground.picture import draw

            draw(stage, picture)
            return
        if typed or not sys.stdout.isatty():
            _plain(stage, typed, seconds)
            return
        from tools.play.playground.screen import Screen

        Screen(stage).run()


def staged(config: dict[str, Any], cloud: str | None) -> Stage:
    """The stage: with a broker, or with that cloud's hub."""
    if not cloud:
        return Stage(config)
    from tools.play.playground.azure import AzureStage

    return AzureStage(config)


def read(path: Path) -> dict[str, Any]:
    """A config's JSON object; raises ToolError."""
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(config, dict):
            return config
        reason = "it has to be an object, {...}"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise ToolError(f"{path}: {reason}", f"make check CONFIG={path} says more")


def _plain(stage: Stage, typed: tuple[str, ...], seconds: float) -> None:
    """Everything as lines, for a pipe."""
    stage.on_line = print
    prompt = Prompt(stage)
    stage.start()
    stage.wait_online(20)
    for line in typed:
        print(f"> {line}")
        try:
            print(prompt.run(line))
        except Quit:
            return
        time.sleep(seconds)
    if not typed:
        print("The screen needs a terminal. Without one: petrel play --do help --do 'wifi off'")
