"""`monitor`: the readings that arrive at a broker, live in the terminal."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
import paho.mqtt.client as paho

from tools.talk.connection import Address, Connection, options
from tools.talk.formats import shown
from tools.talk.readings import Readings, decoded


@click.command()
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option("--filter", "wanted", default="", help="show only rows with these words")
@click.option(
    "--plain", is_flag=True, help="print lines, not a table (the default without a terminal)"
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object per line")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="end after so many seconds"
)
def command(
    broker: Address, base: str, wanted: str, plain: bool, as_json: bool, seconds: float | None
) -> None:
    """Show live what nodes publish to a broker, offline nodes first.

    In the table, type to filter it, and scroll with the arrow keys or the wheel; Ctrl-Q leaves.
    """
    readings = Readings(base)
    lines = plain or as_json or not sys.stdout.isatty()
    words = wanted.casefold().split()

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = shown(message.payload)
        line = readings.take(message.topic, payload)
        if not lines or not all(word in message.topic.casefold() for word in words):
            return
        if as_json:
            print(json.dumps({"topic": message.topic, "payload": decoded(payload)}), flush=True)
        elif line:
            print(line, flush=True)

    connection = Connection(broker, f"{base}/#")
    connection.client.on_message = on_message
    connection.open()
    try:
        if lines:
            _watch(connection, seconds)
        else:
            from tools.talk.monitor_screen import Screen

            Screen(readings, connection, wanted, seconds).run()
    finally:
        connection.close()
    connection.check()


def _watch(connection: Connection, seconds: float | None) -> None:
    """Wait while lines are printed."""
    end = time.monotonic() + seconds if seconds else float("inf")
    lost = ""
    while time.monotonic() < end and not connection.refused:
        if connection.lost != lost:
            lost = connection.lost
            print(lost or "connected again", file=sys.stderr, flush=True)
        time.sleep(0.1)
