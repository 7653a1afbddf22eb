"""A command to many nodes at once: a result for each, within a deadline."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho

from tools.config.check import read
from tools.fleet.plan import Node, Plan
from tools.fleet.render import config_of
from tools.shared.errors import ToolError
from tools.talk.connection import Address, Connection
from tools.talk.dialog import sealed
from tools.talk.readings import parse


@dataclass(frozen=True)
class Answer:
    """What a node said. good: it obeyed; words: its reply, or why not"""

    good: bool
    words: str


SILENT = Answer(False, "silent")


def secret_of(plan: Plan, node: Node) -> str:
    """The secret that signs a node's commands, from its config; empty if it has none."""
    path = config_of(plan, node.name)
    if not path.exists():
        return ""
    commands = read(path).get("commands")
    secret = commands.get("secret", "") if isinstance(commands, dict) else ""
    return secret if isinstance(secret, str) else ""


def ask(
    broker: Address,
    base: str,
    secrets: dict[str, str],
    name: str,
    payload: str,
    wait_s: float,
    say: Callable[[str, Answer], None] = lambda node, answer: None,
) -> dict[str, Answer]:
    """Send a command to each of some nodes; returns their answers.

    secrets: the nodes, and with what the command is signed; empty: it isn't
    say: is told each answer as it comes
    """
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    connection = Connection(broker, f"{base}/+/reply/{name}")

    def on_message(client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        node = message.topic.removeprefix(f"{base}/").partition("/")[0]
        heard.put((node, message.payload.decode(errors="replace")))

    connection.client.on_message = on_message
    connection.open()
    answers: dict[str, Answer] = {}
    try:
        if not connection.subscribed(wait_s):
            raise queue.Empty
        for node, secret in secrets.items():
            topic = f"{base}/{node}/cmd/{name}"
            connection.client.publish(topic, sealed(secret, topic, payload), qos=1)
        end = time.monotonic() + wait_s
        while len(answers) < len(secrets):
            node, text = heard.get(timeout=max(0.0, end - time.monotonic()))
            if node in secrets and node not in answers:
                answers[node] = _answer(text)
                say(node, answers[node])
    except queue.Empty:
        pass
    finally:
        connection.close()
    return {node: answers.get(node, SILENT) for node in secrets}


def conclude(answers: dict[str, Answer]) -> str:
    """How many obeyed; raises ToolError that names those that did not."""
    bad = {node: answer for node, answer in answers.items() if not answer.good}
    words = f"{len(answers) - len(bad)} of {len(answers)} nodes obeyed"
    if not bad:
        return words
    silent = [node for node, answer in bad.items() if answer is SILENT]
    refused = [node for node in bad if node not in silent]
    parts = [
        f"{len(some)} {what}: {_some(some)}"
        for what, some in (("refused", refused), ("silent", silent))
        if some
    ]
    raise ToolError(
        f"{words}; {'; '.join(parts)}", "Are the silent ones online? petrel fleet status"
    )


def _answer(text: str) -> Answer:
    said = parse(text)
    if isinstance(said, dict):
        rest = {key: value for key, value in said.items() if key != "ok"}
        return Answer(said.get("ok") is True, json.dumps(rest) if rest else "")
    return Answer(False, text[:200])


def _some(names: Iterable[str], most: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
