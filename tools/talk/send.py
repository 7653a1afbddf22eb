"""`send`: a command to a node, signed where the node's config asks for it, and its reply."""

from __future__ import annotations

import hashlib
import hmac
import os
import queue
import time
from typing import Any

import click
import paho.mqtt.client as paho

from tools.shared.errors import ToolError
from tools.talk.connection import Address, Connection, options
from tools.talk.readings import parse


def signed(secret: str, topic: str, payload: bytes, number: int) -> bytes:
    """The payload as a node with that secret takes it; `number` grows with every command."""
    tail = b"%d %s" % (number, payload)
    mac = hmac.new(secret.encode(), topic.encode() + b"\0" + tail, hashlib.sha256)
    return mac.hexdigest().encode() + b" " + tail


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
    reply = ask(broker, base, node, name, payload, secret, wait)
    click.echo(reply)
    answer = parse(reply)
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise ToolError(f"{node} refused {name}", _hint(reply, bool(secret)))


def ask(
    broker: Address,
    base: str,
    node: str,
    name: str,
    payload: str,
    secret: str = "",
    wait: float = 10.0,
) -> str:
    """Send a command, signed if there is a secret; returns the reply as it came.

    Raises ToolError if none comes within `wait` seconds.
    """
    for what, value, example in (("NODE", node, "greenhouse"), ("COMMAND", name, "ping")):
        check_level(what, value, example)
    topic = f"{base}/{node}/cmd/{name}"
    connection = Connection(broker, f"{base}/{node}/reply/{name}")
    replies: queue.Queue[str] = queue.Queue()
    ready: queue.Queue[bool] = queue.Queue()

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        replies.put(message.payload.decode(errors="replace"))

    connection.client.on_message = on_message
    told = connection.client.on_subscribe

    def on_subscribe(*arguments: Any) -> None:
        if told:
            told(*arguments)
        ready.put(True)

    connection.client.on_subscribe = on_subscribe
    connection.open()
    try:
        connection.check()
        ready.get(timeout=wait)
        connection.check()
        raw = payload.encode()
        if secret:
            raw = signed(secret, topic, raw, time.time_ns() // 1_000_000)
        connection.client.publish(topic, raw, qos=1)
        return replies.get(timeout=wait)
    except queue.Empty:
        raise ToolError(
            f"no reply from {base}/{node} within {wait:g} s",
            "Is it online? make monitor shows it. Too many commands at once are not answered.",
        ) from None
    finally:
        connection.close()


def check_level(what: str, value: str, example: str) -> None:
    """Raise ToolError unless it is one level of a topic name: a node, or a command."""
    if not value:
        raise ToolError(f"{what} is missing", f"Give a name, such as {what}={example}.")
    if any(char in "/+#\0" for char in value):
        raise ToolError(
            f"{what} is {value!r}; it must be one name, without / + #",
            f"Give a name, such as {what}={example}.",
        )


def _hint(reply: str, with_secret: bool) -> str:
    """What to do about a refusal."""
    if "sign" not in reply:
        return "the reply above says why"
    if with_secret:
        return "is PETREL_SECRET the commands.secret of that node's config?"
    return "This node accepts only signed commands: give its commands.secret as PETREL_SECRET."
