"""`send`: a command to a node, signed where the node's config asks for it, and its reply."""

from __future__ import annotations

import os

import click

from tools.shared.errors import ToolError
from tools.talk.connection import Address, options
from tools.talk.dialog import Dialog, hint
from tools.talk.readings import parse


@click.command()
@click.argument("node")
@click.argument("name", metavar="COMMAND")
@click.argument("payload", default="")
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option(
    "--wait", default=10.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="seconds for the reply",
)  # fmt: skip
def command(node: str, name: str, payload: str, broker: Address, base: str, wait: float) -> None:
    """Send COMMAND with a PAYLOAD to NODE, and print its reply.

    The exit status is 1 if the node refuses the command or doesn't answer. If the node's config
    has a commands.secret, give it in the environment, as PETREL_SECRET.
    """
    secret = os.environ.get("PETREL_SECRET", "")
    with Dialog(broker, base, node, secret) as dialog:
        reply = dialog.ask(name, payload, wait)
    click.echo(reply)
    answer = parse(reply)
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise ToolError(f"{node} refused {name}", hint(reply, bool(secret)))
