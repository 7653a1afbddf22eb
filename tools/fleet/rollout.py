"""Carries out a rollout at a broker, keeps where it is, and writes down who did what.

What is to be done is kept before it is done, and as done when the broker has acknowledged it. So
whenever the command is interrupted, it does what is left when it goes on.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho

from tools.fleet.book import Book
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


def begin(book: Book, serial: int, nodes: list[Node], rules: Rules) -> Rollout:
    """The rollout that was begun, with these nodes and those under way; else a new one."""
    kept = book.load()
    rollout = Rollout.of(kept, time.monotonic()) if kept else Rollout(serial, rules)
    if rules.window:
        rollout.rules = replace(rollout.rules, window=rules.window)
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
    ) -> None:
        self._base, self._rollout, self._server = base, rollout, server
        self._boards = boards
        self._offers, self._back = offers, back
        self._book, self._say = book, say
        window = rollout.rules.window
        self._window = Window.of(window) if window else Window()
        self._under_way: dict[tuple[str, str], int] = {}  # what was published, as which message
        self._acknowledged: set[int] = set()
        self._heard: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self._shown: dict[str, tuple[str, str]] = {
            name: (each.phase, each.words) for name, each in rollout.members.items()
        }
        self._summary = ""
        topics = [f"{base}/+/{what}" for what in ("update/get", "update/state", "+")]
        self._connection = Connection(broker, *topics)
        self._connection.client.on_message = self._on_message
        self._connection.client.on_publish = self._on_publish

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
                if asking := self._book.stop_asked():
                    self._rollout.stop(f"{asking} stopped it")
                if self._turn(now):
                    return
        finally:
            self._connection.close()

    def _turn(self, now: float) -> bool:
        """Do what is to be done; True if all is over, and kept."""
        rollout = self._rollout
        rollout.todo = [each for each in rollout.todo if not self._is_done(each)]
        due = rollout.due(now, self._window.open_at(datetime.now()))
        for action, node in due:  # what is still to be told to that node is past
            for each in [each for each in rollout.todo if each[1] == node]:
                rollout.todo.remove(each)
                self._under_way.pop(each, None)
            rollout.todo.append((action, node))
        self._tell()
        over = rollout.over and not rollout.todo
        if not self._book.save(rollout.kept(), over):
            return False
        for each in rollout.todo:
            if each not in self._under_way:
                self._act(*each)
        return over

    def _is_done(self, todo: tuple[str, str]) -> bool:
        """Whether the broker has acknowledged it."""
        if self._under_way.get(todo) not in self._acknowledged:
            return False
        self._acknowledged.remove(self._under_way.pop(todo))
        return True

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
        if self._rollout.stopped and message.topic.endswith("/update/get"):
            node = message.topic.split("/")[-3]
            member = self._rollout.members.get(node)
            if member and member.phase != "returning":
                return  # it hasn't heard yet that the offer was withdrawn
        passed = self._server.passed(client, self._base, message)
        if passed is None:
            return
        node, what = passed
        text = message.payload.decode(errors="replace")
        known = what in ("status", "diagnostics", "update/state")
        if known or not message.retain:  # a reading that is retained says nothing of now
            self._heard.put((node, what, text if what == "status" else parse(text)))

    def _on_publish(self, client: paho.Client, data: Any, message: int, *_: Any) -> None:
        self._acknowledged.add(message)

    def _act(self, action: str, node: str) -> None:
        board = self._boards.get(node, "")
        offer = {OFFER: self._offers, BACK: self._back}.get(action, {}).get(board, b"")
        topic = f"{self._base}/{node}/update/offer"
        self._under_way[action, node] = self._connection.client.publish(topic, offer, 1, True).mid
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
                    words = member.phase or "not yet"
                    if member.words:
                        words += f": {member.words}"
                    self._book.note(words, name)
                    if member.phase in ("failed", "stuck"):
                        self._say(f"{name}: {words}")
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
