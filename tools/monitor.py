"""`monitor`: the readings that arrive at a broker, live in the terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tools.errors import ToolError
from tools.subscriber import parse

ANSWER_S = 10  # what a broker gets to answer CONNECT
SHOWN = 60  # characters of whatever comes from outside


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
        value = _parse(payload)
        if what == "status":
            self.status[node] = payload
        elif isinstance(value, dict) and "value" in value:
            row = self.rows.setdefault((node, what), Row())
            row.value, row.unit = value["value"], str(value.get("unit", ""))
            row.count += 1
            row.at = time.monotonic()
            return _clean(f"{node} {what} {row.value} {row.unit}".rstrip())
        return _clean(f"{node} {what} {payload}")

    def table(self, caption: str = "") -> Table:
        """A row for each sensor."""
        table = Table("node", "status", "sensor", "value", "unit", "readings", "age")
        for (node, sensor), row in sorted(self.rows.items()):
            status = self.status.get(node, "?")
            colour = {"online": "green", "offline": "red"}.get(status, "yellow")
            cells = [node, status, sensor, row.value, row.unit, row.count]
            shown = [Text(_clean(str(cell))[:SHOWN]) for cell in cells]
            shown[1].stylize(colour)
            table.add_row(*shown, f"{time.monotonic() - row.at:.0f} s")
        waiting = "" if self.rows else f"nothing yet below {self.base}/"
        table.caption = Text("; ".join(filter(None, (waiting, caption))))
        return table


def _parse(payload: str) -> Any:
    """What a payload says in JSON, else its text; lists nested without end are text too."""
    try:
        return parse(payload)
    except RecursionError:
        return payload


def _clean(text: str) -> str:
    """Without what a terminal would obey: a payload is anybody's text."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


class Connection:
    """The broker, for as long as it is watched. Says in words what is wrong.

    lost: why there is no connection now, empty while there is one
    refused: why there will be none, empty if there is
    """

    def __init__(self, host: str, port: int, topic: str) -> None:
        self.lost = ""
        self.refused = ""
        self._where = f"{host}:{port}"
        self._topic = topic
        self._answered = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self._address = (host, port)

    def open(self) -> None:
        """Connect; raises ToolError if there is no broker, or none that answers."""
        try:
            self.client.connect(*self._address)
        except (OSError, ValueError) as error:
            raise ToolError(
                f"no broker at {self._where}: {error}", "is it running? HOST=..."
            ) from error
        self.client.loop_start()
        if not self._answered.wait(ANSWER_S):
            self.close()
            raise ToolError(
                f"{self._where} does not answer as an MQTT broker",
                "is it another service's port, or one for TLS?",
            )

    def close(self) -> None:
        """Leave the broker."""
        self.client.disconnect()
        self.client.loop_stop()

    def check(self) -> None:
        """Raise ToolError if the broker has refused."""
        if self.refused:
            raise ToolError(f"{self._where} refused: {self.refused}", "give it --user, and its "
                            "password, with the right to read")  # fmt: skip

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any) -> None:
        if code.is_failure:
            self.refused = str(code)
        else:
            self.lost = ""
            client.subscribe(self._topic, 1)
        self._answered.set()

    def _on_subscribe(self, client: paho.Client, data: Any, pid: int, codes: Any, _: Any) -> None:
        if any(code.is_failure for code in codes):
            self.refused = f"the subscription to {self._topic}"

    def _on_disconnect(
        self, client: paho.Client, data: Any, flags: Any, code: Any, _: Any
    ) -> None:
        self.lost = f"the connection to {self._where} is lost; trying again"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="the broker")
@click.option("--port", default=1883, show_default=True, envvar="PORT")
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

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = message.payload.decode(errors="replace")
        line = readings.take(message.topic, payload)
        if as_json:
            print(json.dumps({"topic": message.topic, "payload": _parse(payload)}), flush=True)
        elif plain and line:
            print(line, flush=True)

    connection = Connection(host, port, f"{base}/#")
    connection.client.on_message = on_message
    if user:
        secret = os.environ.get("PETREL_PASSWORD") or click.prompt("password", hide_input=True)
        connection.client.username_pw_set(user, secret)
    connection.open()
    try:
        _watch(readings, connection, plain, seconds)
    finally:
        connection.close()
    connection.check()


def _watch(readings: Readings, connection: Connection, plain: bool, seconds: float | None) -> None:
    end = time.monotonic() + seconds if seconds else float("inf")
    if plain:
        lost = ""
        while time.monotonic() < end and not connection.refused:
            if connection.lost != lost:
                lost = connection.lost
                print(lost or "connected again", file=sys.stderr, flush=True)
            time.sleep(0.1)
        return
    with Live(readings.table(), console=Console(), refresh_per_second=4) as live:
        while time.monotonic() < end and not connection.refused:
            live.update(readings.table(connection.lost))
            time.sleep(0.25)
