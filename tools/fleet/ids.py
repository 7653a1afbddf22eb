"""Which node a board is: by its id in fleet.toml, which is written there once it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit

from tools.fleet.plan import Node, Plan
from tools.shared import boards
from tools.shared.errors import ToolError

# MicroPython's sys.platform, where it isn't the port's name.
_PLATFORMS = {"pyboard": "stm32"}


def node_of(plan: Plan, number: str, platform: str, among: list[Node], assign: bool) -> Node:
    """The node of the board with that id; raises ToolError if there is none.

    among: the nodes that are to be deployed
    assign: give the board the first of them that has no id yet and is of its kind
    """
    names = {node.name for node in among}
    for node in plan.nodes.values():
        if node.id == number:
            if node.name not in names:
                raise ToolError(
                    f"the board {number} is {node.name}", "It isn't among those named."
                )
            _check_kind(node, number, platform)
            return node
    free = [node for node in among if not node.id]
    if not assign:
        raise ToolError(
            f"{plan.path} has no node with the id {number}",
            f'Add id = "{number}" to its node, or let --assign take the next free one.',
        )
    for node in free:
        if _fits(node, platform):
            return node
    raise ToolError(
        f"no node is left for the board {number}",
        f"{len(free)} have no id yet, and none of these is for a {platform}."
        if free
        else "All that you named have the id of another board.",
    )


def write(path: Path, name: str, number: str) -> None:
    """Write a board's id to a node in fleet.toml; all else stays as somebody wrote it."""
    said: Any = tomlkit.parse(path.read_text("utf-8-sig"))
    said["nodes"][name]["id"] = number
    new = path.with_name(path.name + ".new")
    new.write_text(tomlkit.dumps(said))
    new.replace(path)


def _check_kind(node: Node, number: str, platform: str) -> None:
    if not _fits(node, platform):
        raise ToolError(
            f"the board {number} is {node.name}, for {node.board}, and this is a {platform}",
            "Correct the board of that node, or its id.",
        )


def _fits(node: Node, platform: str) -> bool:
    """Whether a board may be the node's; any does for one that is only played."""
    port = _PLATFORMS.get(platform, platform)
    known = {boards.load(name).facts["port"] for name in boards.names()}
    return port not in known or boards.load(node.board).facts["port"] == port
