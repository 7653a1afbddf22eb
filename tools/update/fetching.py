"""How far nodes are with an update, from what they publish."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DONE, FAILED = "done", "failed"
_ENDED_BADLY = ("refused", "failed")


@dataclass
class Progress:
    """One node: its board, how far it is, and how it ended: "", DONE or FAILED."""

    node: str
    board: str = ""
    words: str = "not seen yet"
    percent: int = 0
    ended: str = ""

    def take(self, state: Any, serial: int, retained: bool = False) -> None:
        """Take what a node says in its `state` topic, about a release with that serial.

        What is retained may be of an earlier offer, if it names none.
        """
        if not isinstance(state, dict):
            return
        runs, about = state.get("serial"), state.get("offered")
        name, percent = str(state.get("state", "")), state.get("percent")
        if name in ("good", "idle") and isinstance(runs, int) and runs >= serial:
            newer = "" if runs == serial else f", which is newer: serial {runs}"
            self.words, self.percent, self.ended = f"runs {_version(state)}{newer}", 100, DONE
        elif about != serial and (about is not None or name != "refused" or retained):
            pass  # of another release
        elif name in _ENDED_BADLY:
            self.words, self.ended = f"{name}: {state.get('error', 'it says no reason')}", FAILED
        else:
            self.ended = ""
            self.percent = percent if isinstance(percent, int) else self.percent
            self.words = f"fetching, {self.percent} %" if name == "fetching" else name


@dataclass
class Fetching:
    """All nodes that the release with a serial is offered to."""

    serial: int
    nodes: dict[str, Progress] = field(default_factory=dict)

    def counts(self) -> tuple[int, int, int]:
        """How many are done, have failed, and are still at it."""
        ended = [node.ended for node in self.nodes.values()]
        return ended.count(DONE), ended.count(FAILED), ended.count("")

    @property
    def over(self) -> bool:
        """True if each node has ended, one way or the other."""
        return bool(self.nodes) and all(node.ended for node in self.nodes.values())


def _version(state: dict[str, Any]) -> str:
    version = state.get("version")
    return version if isinstance(version, str) else f"serial {state['serial']}"
