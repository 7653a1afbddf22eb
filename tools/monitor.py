"""`monitor`: the readings that arrive at a broker, live in the terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.errors import ToolError
from tools.subscriber import parse


@dataclass
class Row:
    """What is known of one sensor."""

    value: Any = None
    unit: str = ""
    count: int = 0
    at: float = 0.0


@dataclass
class Readings:
    """All that has arrived below a base topic."""

    base: str
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)

    def take(self, topic: str, payload: str) -> str | None:
        """Note a message; returns it as a line, None if it is none of a node's."""
        node, _, what = topic.removeprefix(self.base + "/").partition("/")
        if not what or not topic.startswith(self.base + "/"):
            return None
        value = parse(payload)
        if what == "status":
            self.status[node] = payload[:16]
        elif isinstance(value, dict) and "value" in value:
            row = self.rows.setdefault((node, what), Row())
            row.value, row.unit = value["value"], str(value.get("unit", ""))
            row.count += 1
            row.at = time.monotonic()
            return f"{node} {what} {row.value} {row.unit}".rstrip()
        return f"{node} {what} {payload}"

    def table(self) -> Table:
        """A row for each sensor."""
        table = Table("node", "status", "sensor", "value", "unit", "readings", "age")
        for (node, sensor), row in sorted(self.rows.items()):
            status = self.status.get(node, "?")
            colour = {"online": "green", "offline": "red"}.get(status, "yellow")
            age = f"{time.monotonic() - row.at:.0f} s"
            shown = f"[{colour}]{status}[/]"
            table.add_row(node, shown, sensor, str(row.value), row.unit, str(row.count), age)
        if not self.rows:
            table.caption = f"nothing yet below {self.base}/"
        return table


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="the broker")
@click.option("--port", default=1883, show_default=True)
@click.option("--user", help="user name; the password is asked for, or in PETREL_PASSWORD")
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option("--plain", is_flag=True, help="lines instead of a table (as when not on a terminal)")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@click.option("--seconds", type=float, help="end by itself")
def command(
    host: str, port: int, user: str | None, base: str, plain: bool, as_json: bool,
    seconds: float | None,
) -> None:  # fmt: skip
    """Show live what nodes publish at a broker."""
    readings = Readings(base)
    plain = plain or as_json or not sys.stdout.isatty()
    refused: list[str] = []

    def on_connect(client: paho.Client, data: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            refused.append(str(code))
        else:
            client.subscribe(f"{base}/#", 1)

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = message.payload.decode(errors="replace")
        line = readings.take(message.topic, payload)
        if as_json:
            print(json.dumps({"topic": message.topic, "payload": parse(payload)}), flush=True)
        elif plain and line:
            print(line, flush=True)

    client = paho.Client(CallbackAPIVersion.VERSION2)
    if user:
        secret = os.environ.get("PETREL_PASSWORD") or click.prompt("password", hide_input=True)
        client.username_pw_set(user, secret)
    client.on_connect = on_connect
    client.on_message = on_message
    try:
        client.connect(host, port)
    except OSError as error:
        raise ToolError(
            f"no broker at {host}:{port}: {error}", "is it running? HOST=..."
        ) from error
    client.loop_start()
    try:
        _watch(readings, plain, seconds, refused)
    finally:
        client.disconnect()
        client.loop_stop()
    if refused:
        raise ToolError(f"{host}:{port} refused: {refused[0]}", "give it --user, and its password")


def _watch(readings: Readings, plain: bool, seconds: float | None, refused: list[str]) -> None:
    end = time.monotonic() + seconds if seconds else float("inf")
    if plain:
        while time.monotonic() < end and not refused:
            time.sleep(0.1)
        return
    with Live(readings.table(), console=Console(), refresh_per_second=4) as live:
        while time.monotonic() < end and not refused:
            live.update(readings.table())
            time.sleep(0.25)
