"""`logs`: what a node says at its console, live, from afar."""

from __future__ import annotations

import os
import queue
import sys
import time
from datetime import datetime
from typing import Any

import click
import paho.mqtt.client as paho
from rich.console import Console
from rich.text import Text

from tools.shared.errors import ToolError
from tools.talk.connection import Address, Connection, options
from tools.talk.dialog import check_name, hint, sealed
from tools.talk.readings import parse

AGAIN_S = 240  # a node whose config has no log ends it 600 s after somebody asked
LEVELS = {"error": "bold red", "warning": "yellow", "info": "green"}
_LATE = "sent while the node was away"  # see node.commands.take; it obeys what comes next


@click.command()
@click.argument("node")
@click.option(
    "--level", default="info", show_default=True, type=click.Choice(list(LEVELS)),
    help="show this level and what is worse",
)  # fmt: skip
@options()
@click.option("--base", default="petrel", show_default=True, help="topic prefix")
@click.option(
    "--wait", default=10.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="seconds for the node's answer",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), help="end after so many seconds"
)
def command(
    node: str, level: str, broker: Address, base: str, wait: float, seconds: float | None
) -> None:
    """Show what NODE says at its console, live; Ctrl-C ends.

    If its config has a "log", the last lines from before come first. If the config has a
    commands.secret, give it in the environment, as PETREL_SECRET.
    """
    check_name("NODE", node, "greenhouse")
    logs = Logs(broker, f"{base}/{node}", level)
    with logs:
        logs.ask(wait)
        logs.follow(seconds)


class Logs:
    """The log of a node, which is asked for as long as somebody looks. A context manager."""

    def __init__(self, broker: Address, name: str, level: str) -> None:
        self._name = name
        self._level = level
        self._secret = os.environ.get("PETREL_SECRET", "")
        self._messages: queue.Queue[tuple[str, str, bool]] = queue.Queue()
        topics = (f"{name}/log", f"{name}/reply/log", f"{name}/status")
        self._connection = Connection(broker, *topics)
        self._connection.client.on_message = self._on_message
        self._seen: set[tuple[Any, Any]] = set()
        self._console = Console(highlight=False, soft_wrap=True)
        self._status = ""
        self._lost = ""

    def __enter__(self) -> Logs:
        self._connection.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, wait: float) -> None:
        """Ask the node for its log; raises ToolError if it refuses, or doesn't answer."""
        end = time.monotonic() + wait
        try:
            if not self._connection.subscribed(wait):
                raise queue.Empty
            self._send()
            while True:
                topic, payload, _ = self._messages.get(timeout=max(0, end - time.monotonic()))
                if not topic.endswith("/reply/log"):
                    self._take(topic, payload)
                elif _LATE in payload:  # it has just connected
                    time.sleep(0.5)
                    self._send()
                elif self._accepted(payload):
                    self._tell(f"the log of {self._name}; Ctrl-C ends")
                    return
        except queue.Empty:
            raise ToolError(
                f"no answer from {self._name} within {wait:g} s"
                + (", which is offline" if self._status == "offline" else ""),
                "Is the name right? make monitor shows the nodes, and which are online.",
            ) from None

    def follow(self, seconds: float | None) -> None:
        """Print the lines as they come, until Ctrl-C."""
        end = time.monotonic() + seconds if seconds else float("inf")
        again = time.monotonic() + AGAIN_S
        while (now := time.monotonic()) < end:
            self._connection.check()
            if self._connection.lost != self._lost:
                self._lost = self._connection.lost
                self._tell(self._lost or "connected again")
            if now >= again:
                again = now + AGAIN_S
                self._send()
            try:
                topic, payload, retained = self._messages.get(timeout=min(0.2, end - now))
            except queue.Empty:
                continue
            if topic.endswith("/reply/log") and _LATE in payload:
                again = now + 0.5
            elif not topic.endswith("/reply/log"):
                self._take(topic, payload)
                if payload == "online" and not retained:  # it has restarted: it has to know again
                    again = now

    def _send(self) -> None:
        topic = f"{self._name}/cmd/log"
        self._connection.client.publish(topic, sealed(self._secret, topic, self._level), qos=0)

    def _accepted(self, payload: str) -> bool:
        answer = parse(payload)
        if isinstance(answer, dict) and answer.get("ok") is True:
            return True
        error = str(answer.get("error") if isinstance(answer, dict) else payload)
        advice = "Update the node: a log needs a newer Petrel." if "no command" in error else ""
        raise ToolError(
            f"{self._name} refused: {error}", advice or hint(error, bool(self._secret))
        )

    def _take(self, topic: str, payload: str) -> None:
        if topic.endswith("/status"):
            if payload != self._status:
                if self._status:
                    self._tell(f"{self._name} is {payload}")
                self._status = payload
            return
        line = parse(payload)
        if not isinstance(line, dict) or not isinstance(line.get("text"), str):
            return
        which = line.get("boot"), line.get("seq")
        level = str(line.get("level"))
        worst = list(LEVELS)
        if which in self._seen or level in worst[worst.index(self._level) + 1 :]:
            return
        self._seen.add(which)
        text = Text(f"{_when(line)}  ")
        text.append(f"{level:<7}", LEVELS.get(level, ""))
        self._console.print(text.append(f"  {line['text']}"))

    def _tell(self, words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        payload = message.payload.decode(errors="replace")
        self._messages.put((message.topic, payload, message.retain))


def _when(line: dict[str, Any]) -> str:
    """The time of a line here; of a node that has none, the seconds since its start."""
    try:
        return datetime.fromtimestamp(line["time"]).strftime("%Y-%m-%d %H:%M:%S")
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return f"{line.get('uptime', '?')!s:>17} s"
