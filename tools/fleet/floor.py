"""Boards on USB, one after the other or many on a hub: each gets the config of its node.

A board restarts when it is done, and most vanish from USB for a moment then. So one that comes
back at the same place within GONE_S is the same board, and is left alone.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tools.board.deploy import deploy
from tools.board.targets import Mpremote
from tools.fleet import ids
from tools.fleet.plan import Node, Plan
from tools.fleet.render import config_of
from tools.make.package import build
from tools.shared import boards
from tools.shared.errors import ToolError
from tools.shared.words import counted
from tools.update.keyring import Keyring
from tools.update.release import too_small

GONE_S = 5
_LOOK_S = 0.5


class Floor:
    """Deploys to boards as they come.

    say: gets a line about each step
    done, failed: names of nodes; ports, with what was wrong there
    """

    def __init__(
        self, plan: Plan, nodes: list[Node], assign: bool, say: Callable[[str], None]
    ) -> None:
        self.done: dict[str, str] = {}  # a node's name -> the port
        self.failed: dict[str, str] = {}  # a port -> what is wrong
        self._plan, self._nodes = plan, nodes
        self._assign, self._say = assign, say
        self._one = threading.Lock()  # for what the threads share: the plan, and fleet.toml
        self._built = {name: build(name, quiet=True) for name in {node.board for node in nodes}}
        keys = Keyring().keys_txt()
        self._keys = {name: "" if too_small(name) else keys for name in self._built}

    def all(self, ports: Iterable[str], jobs: int) -> None:
        """Deploy to the boards on these ports."""
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self.one, ports))

    def watch(
        self,
        plugged: Callable[[], dict[str, str]],
        jobs: int,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Deploy to boards as they are plugged in, until each node has its code.

        plugged: tells the ports, and what is at each
        """
        seen: dict[tuple[str, str], float] = {}
        working: dict[str, Future[None]] = {}
        with ThreadPoolExecutor(jobs) as pool:
            while len(self.done) < len(self._nodes) or working:
                here = plugged().items()
                for place in here:
                    fresh = now() - seen.get(place, float("-inf")) > GONE_S
                    seen[place] = now()
                    if fresh and place[0] not in working:
                        working[place[0]] = pool.submit(self.one, place[0])
                if working:
                    wait(working.values(), _LOOK_S, FIRST_COMPLETED)
                else:
                    pause(_LOOK_S)
                for port in [port for port, work in working.items() if work.done()]:
                    working.pop(port).result()
                    for place in plugged().items():  # it was there all the time
                        seen[place] = now()

    def one(self, port: str) -> None:
        """Deploy to the board on a port, and say how it went."""
        try:
            node = self._identified(port)
            self._say(f"{port}: {node.name} ({node.id})")
            copied = self._deploy(port, node)
        except ToolError as error:
            with self._one:
                self.failed[port] = error.message
            self._say(f"{port}: failed: {error.message}. {error.hint}")
            return
        with self._one:
            self.done[node.name] = port
            self.failed.pop(port, None)
            count = len(self.done)
        files = f"{counted(copied, 'file')} copied" if copied else "nothing to copy"
        self._say(f"{port}: {node.name} is done, {files} ({count} of {len(self._nodes)})")

    def _identified(self, port: str) -> Node:
        number, platform = Mpremote(port).identify()
        with self._one:
            node = ids.node_of(self._plan, number, platform, self._nodes, self._assign)
            if not node.id:
                ids.write(self._plan.path, node.name, number)
                node = replace(node, id=number)
                self._plan.nodes[node.name] = node
                self._nodes = [self._plan.nodes[each.name] for each in self._nodes]
        return node

    def _deploy(self, port: str, node: Node) -> int:
        target = Mpremote(port)
        told = io.StringIO()
        console = Console(file=told, highlight=False, soft_wrap=True)
        config: Path = config_of(self._plan, node.name)
        copied = deploy(
            self._built[node.board], target, config, console, boards.load(node.board),
            mode="auto", keys=self._keys[node.board],
        )  # fmt: skip
        for line in told.getvalue().splitlines():
            if line.startswith(("warning", "Not everything")):
                self._say(f"{port}: {node.name}: {line}")
        target.reset()
        return copied
