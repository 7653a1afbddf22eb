"""Carries out a rollout at a broker, keeps where it is, and writes down who did what.

rollouts/SERIAL.json beside fleet.toml is all that it has to know to go on; rollouts/log.txt gets a
line for each thing that happened.
"""

from __future__ import annotations

import getpass
import json
import queue
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho

from tools.fleet.plan import Node
from tools.fleet.stages import BACK, OFFER, Member, Rollout, Rules
from tools.shared.errors import ToolError
from tools.shared.words import counted
from tools.talk.connection import Address, Connection
from tools.talk.readings import parse
from tools.update.server import Server

TICK_S = 1.0
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Window:
    """The time of the day in which nodes are offered a release; minutes since midnight."""

    begin: int = 0
    end: int = 0

    @classmethod
    def of(cls, text: str) -> Window:
        """The window in a text such as 22:00-05:00; raises ToolError."""
        found = _WINDOW.fullmatch(text)
        if not found:
            raise ToolError(f"--window {text} is not a window", "Write it as 22:00-05:00.")
        hours = [int(each) for each in found.groups()]
        return cls(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])

    def open_at(self, now: datetime) -> bool:
        """Whether it is open. One that ends where it begins is always open."""
        minute = now.hour * 60 + now.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return self.begin == self.end or minute >= self.begin or minute < self.end


class Book:
    """What is kept of a rollout."""

    def __init__(self, folder: Path, serial: int) -> None:
        self._path = folder / f"{serial}.json"
        self._log = folder / "log.txt"
        self._serial = serial
        self._before = ""
        folder.mkdir(exist_ok=True)

    def load(self) -> dict[str, Any] | None:
        """What was kept; None if it is new."""
        try:
            kept: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ToolError(f"{self._path} is damaged", "Remove it to begin again.") from error
        return kept

    def save(self, kept: dict[str, Any]) -> None:
        """Keep it, in one step."""
        text = json.dumps(kept)
        if text != self._before:
            new = self._path.with_suffix(".new")
            new.write_text(text)
            new.replace(self._path)
            self._before = text

    def note(self, words: str) -> None:
        """Write down what happened, when, and who did it."""
        at = datetime.now().astimezone().isoformat(timespec="seconds")
        with self._log.open("a") as file:
            file.write(f"{at} {getpass.getuser()} serial {self._serial}: {words}\n")


def begin(book: Book, serial: int, nodes: list[Node], rules: Rules) -> Rollout:
    """The rollout that was begun, with these nodes and those under way; else a new one."""
    kept = book.load()
    rollout = Rollout.of(kept, time.monotonic()) if kept else Rollout(serial, rules)
    book.note(("goes on" if kept else "begins") + f", {counted(len(nodes), 'node')}")
    named = {node.name for node in nodes}
    for name in [name for name, each in rollout.members.items() if each.phase == ""]:
        if name not in named:
            del rollout.members[name]
    for node in nodes:
        rollout.members.setdefault(node.name, Member())
    stages = (*rollout.rules.stages[:-1], len(rollout.members))
    rollout.rules = replace(rollout.rules, stages=stages)
    return rollout


class Conductor:
    """Runs a rollout until it is over, or stopped.

    boards: of each node; offers, back: what to offer, by board; back may be empty
    say: gets a line about what happens
    """

    def __init__(
        self,
        broker: Address,
        base: str,
        rollout: Rollout,
        boards: dict[str, str],
        offers: dict[str, bytes],
        back: dict[str, bytes],
        server: Server,
        book: Book,
        say: Callable[[str], None],
        window: Window = Window(),
    ) -> None:
        self._base, self._rollout, self._server = base, rollout, server
        self._boards = boards
        self._offers, self._back = offers, back
        self._book, self._say, self._window = book, say, window
        self._heard: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self._shown: dict[str, tuple[str, str]] = {
            name: (each.phase, each.words) for name, each in rollout.members.items()
        }
        self._summary = ""
        topics = [f"{base}/+/{what}" for what in ("update/get", "update/state", "+")]
        self._connection = Connection(broker, *topics)
        self._connection.client.on_message = self._on_message

    def run(self) -> None:
        """Until it is over; raises ToolError if the broker refuses."""
        self._connection.open()
        try:
            settled = time.monotonic() + 3 * TICK_S  # retained messages say who is there
            while True:
                self._take()
                self._connection.check()
                now = time.monotonic()
                if now < settled:
                    continue
                for action, node in self._rollout.due(now, self._window.open_at(datetime.now())):
                    self._act(action, node)
                self._tell()
                self._book.save(self._rollout.kept())
                if self._rollout.over:
                    return
        finally:
            self._connection.close()

    def _take(self) -> None:
        """Take what has come; wait a moment for it."""
        end = time.monotonic() + TICK_S
        while (left := end - time.monotonic()) > 0:
            try:
                node, what, said = self._heard.get(timeout=left)
            except queue.Empty:
                return
            self._rollout.heard(node, what, said, time.monotonic())

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        passed = self._server.passed(client, self._base, message)
        if passed is None:
            return
        node, what = passed
        text = message.payload.decode(errors="replace")
        known = what in ("status", "diagnostics", "update/state")
        if known or not message.retain:  # a reading that is retained says nothing of now
            self._heard.put((node, what, text if what == "status" else parse(text)))

    def _act(self, action: str, node: str) -> None:
        board = self._boards.get(node, "")
        offer = {OFFER: self._offers, BACK: self._back}.get(action, {}).get(board, b"")
        topic = f"{self._base}/{node}/update/offer"
        self._connection.client.publish(topic, offer, 1, True)
        if action == BACK and not offer:
            self._rollout.members[node].phase = "stuck"
            self._rollout.members[node].words = "there is no release to take it back to"

    def _tell(self) -> None:
        """Say and write down what is new."""
        rollout = self._rollout
        for name, member in rollout.members.items():
            now = (member.phase, member.words)
            if self._shown.get(name) != now:
                before = self._shown.get(name, ("", ""))[0]
                self._shown[name] = now
                if member.phase != before:
                    line = f"{name}: {member.phase or 'not yet'}: {member.words}"
                    self._book.note(line)
                    if member.phase in ("failed", "stuck"):
                        self._say(line)
        phases = ("healthy", "watched", "offered", "failed", "returning", "back", "stuck")
        counts = ", ".join(f"{count} {each}" for each in phases if (count := rollout.count(each)))
        stages = rollout.rules.stages
        nodes = counted(stages[rollout.stage], "node")
        summary = f"stage {rollout.stage + 1} of {len(stages)}, {nodes}"
        if rollout.stopped:
            summary = f"stopped: {rollout.stopped}"
        if (line := f"{summary}: {counts or 'nobody yet'}") != self._summary:
            if not self._summary.startswith(summary):
                self._book.note(summary)
            self._summary = line
            self._say(line)
