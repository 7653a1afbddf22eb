"""The command: over MQTT with the name of a node, over USB without one."""

from __future__ import annotations

import os

import click
from rich.console import Console
from rich.markup import escape

from tools.doctor import usb
from tools.doctor.findings import Finding, show
from tools.doctor.heard import Listener
from tools.doctor.node import TIMES, judge, listed
from tools.shared.errors import ToolError
from tools.talk.connection import Address, options

LISTEN_S = 20.0


@click.command()
@click.argument("node", default="")
@click.option("--port", help="a board's serial port  [default: the only one on USB]")
@click.option(
    "--seconds", default=LISTEN_S, show_default=True, type=click.FloatRange(min=1),
    help="how long to listen to it",
)  # fmt: skip
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
def command(node: str, port: str | None, seconds: float, broker: Address, base: str) -> None:
    """Say what is wrong with NODE, and what to do.

    With a name it asks the node over MQTT. Without one it looks at the board on USB: what runs
    there stops for the look, and is then started to hear what it prints.

    The exit status is 1 if something is wrong. If the node's config has a commands.secret, give
    it in the environment, as PETREL_SECRET.
    """
    if node and port:
        raise ToolError(
            "NODE and --port are both given",
            "A name is for a node at a broker; a port is for a board on USB.",
        )
    console = Console(highlight=False, soft_wrap=True)
    if node:
        findings = over_mqtt(console, node, seconds, broker, base)
    else:
        findings = usb.examine(console, port, seconds)
    if not show(console, findings):
        raise SystemExit(1)


def over_mqtt(
    console: Console, node: str, seconds: float, broker: Address, base: str
) -> list[Finding]:
    """Ask a node at a broker."""
    with Listener(broker, base, node, os.environ.get("PETREL_SECRET", "")) as listener:
        heard = listener.heard
        with console.status(f"asking {escape(node)}") as status:
            listener.settle()
            if heard.online:
                listener.ask("diagnostics", "config/get")
                status.update(f"listening to {escape(node)}")
                listener.until(lambda: _all(listener), seconds)
    return judge(heard)


def _all(listener: Listener) -> bool:
    """Whether each sensor that has to report within a few seconds has done so."""
    heard = listener.heard
    soon = [
        name
        for name, interval in heard.sensors().items()
        if interval * TIMES < LISTEN_S and name not in listed(heard.diagnostics, "failing")
    ]
    return bool(soon) and all(heard.count(name) > 1 for name in soon)
