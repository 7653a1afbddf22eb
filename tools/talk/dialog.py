"""A conversation with a node: commands, signed where its config asks for it, and their replies."""

from __future__ import annotations

import hashlib
import hmac
import queue
import time
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho

from tools.shared.errors import ToolError
from tools.talk.connection import Address, Connection


def signed(secret: str, topic: str, payload: bytes, number: int) -> bytes:
    """The payload as a node with that secret takes it; `number` grows with every command."""
    tail = b"%d %s" % (number, payload)
    mac = hmac.new(secret.encode(), topic.encode() + b"\0" + tail, hashlib.sha256)
    return mac.hexdigest().encode() + b" " + tail


def sealed(secret: str, topic: str, payload: str) -> bytes:
    """What is sent to a node as that payload now: signed, if it has a secret."""
    raw = payload.encode()
    return signed(secret, topic, raw, time.time_ns() // 1_000_000) if secret else raw


class Dialog:
    """A context manager; raises ToolError for whatever goes wrong, with what to do about it.

    secret: the commands.secret of the node's config, empty if it has none
    """

    def __init__(self, broker: Address, base: str, node: str, secret: str = "") -> None:
        check_name("NODE", node, "greenhouse")
        self.name = f"{base}/{node}"
        self._secret = secret
        self._replies: queue.Queue[tuple[str, str]] = queue.Queue()
        self._connection = Connection(broker, f"{self.name}/reply/#")
        self._connection.client.on_message = self._on_message

    def __enter__(self) -> Dialog:
        self._connection.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def listen(self, name: str) -> None:
        """Listen to the replies of <base>/<node> as well: the same node by another name."""
        self._connection.client.subscribe(f"{name}/reply/#", 1)

    def ask(self, command: str, payload: str = "", wait: float = 10.0) -> str:
        """Send a command; returns the reply as it came, which has to come in `wait` seconds."""
        for level in command.split("/"):
            check_name("COMMAND", level, "ping")
        topic = f"{self.name}/cmd/{command}"
        self._connection.client.publish(topic, sealed(self._secret, topic, payload), qos=1)
        reply = self.reply(command, wait)
        if reply is None:
            raise ToolError(
                f"no reply from {self.name} within {wait:g} s",
                "Is it online? make monitor shows it. Too many commands at once are not answered.",
            )
        return reply

    def reply(self, command: str, wait: float) -> str | None:
        """The next reply to a command, None if none comes in so many seconds."""
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            try:
                topic, payload = self._replies.get(timeout=left)
            except queue.Empty:
                break
            if topic.partition("/reply/")[2] == command:
                return payload
        return None

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        self._replies.put((message.topic, message.payload.decode(errors="replace")))


def check_name(what: str, value: str, example: str) -> None:
    """Raise ToolError unless it is one level of a topic name: a node, or a command's part."""
    if not value:
        raise ToolError(f"{what} is missing", f"Give a name, such as {what}={example}.")
    if any(char in "/+#\0" for char in value):
        raise ToolError(
            f"{what} is {value!r}; it must be one name, without / + #",
            f"Give a name, such as {what}={example}.",
        )


def hint(reply: str, with_secret: bool) -> str:
    """What to do about a refusal."""
    if "sign" not in reply:
        return "the reply above says why"
    if with_secret:
        return "is PETREL_SECRET the commands.secret of that node's config?"
    return "This node accepts only signed commands: give its commands.secret as PETREL_SECRET."
