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

from tools.errors import ToolError
from tools.monitor import Connection


def signed(secret: str, topic: str, payload: bytes, number: int) -> bytes:
    """The payload as a node with that secret takes it; `number` grows with every command."""
    tail = b"%d %s" % (number, payload)
    mac = hmac.new(secret.encode(), topic.encode() + b"\0" + tail, hashlib.sha256)
    return mac.hexdigest().encode() + b" " + tail


@click.command()
@click.argument("node")
@click.argument("name")
@click.argument("payload", default="")
@click.option("--host", default="127.0.0.1", show_default=True, help="the broker")
@click.option("--port", default=1883, show_default=True, envvar="PORT")
@click.option("--user", help="user name; the password is asked for, or in PETREL_PASSWORD")
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option("--wait", default=10.0, show_default=True, help="seconds for the reply")
def command(
    node: str, name: str, payload: str, host: str, port: int, user: str | None, base: str,
    wait: float,
) -> None:  # fmt: skip
    """Send the command NAME with a PAYLOAD to NODE, and print the reply.

    If commands.secret stands in the node's config, give it in the environment, as PETREL_SECRET.
    """
    topic = f"{base}/{node}/cmd/{name}"
    connection = Connection(host, port, f"{base}/{node}/reply/{name}")
    replies: queue.Queue[str] = queue.Queue()
    ready: queue.Queue[bool] = queue.Queue()

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        replies.put(message.payload.decode(errors="replace"))

    def on_subscribe(*_: Any) -> None:
        ready.put(True)

    connection.client.on_message = on_message
    if user:
        password = os.environ.get("PETREL_PASSWORD") or click.prompt("password", hide_input=True)
        connection.client.username_pw_set(user, password)
    connection.client.on_subscribe = on_subscribe
    connection.open()
    try:
        try:
            ready.get(timeout=wait)
            connection.check()
            raw = payload.encode()
            if secret := os.environ.get("PETREL_SECRET"):
                raw = signed(secret, topic, raw, time.time_ns() // 1_000_000)
            connection.client.publish(topic, raw, qos=1)
            click.echo(replies.get(timeout=wait))
        except queue.Empty:
            raise ToolError(
                f"no reply from {base}/{node} within {wait:g} s",
                "is it online? make monitor shows who is; too many commands are not answered",
            ) from None
    finally:
        connection.close()
