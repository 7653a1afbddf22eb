"""Drives a real Home Assistant, which runs in a process of its own; see inside.py."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.lab.homeassistant import PYTHON
from tools.play.broker import Broker
from tools.shared.process import popen

_INSIDE = Path(__file__).with_name("inside.py")


class HomeAssistant:
    """Home Assistant, with the MQTT integration and a broker; use it with `with`.

    page: the port of its web page here, if it is to have one
    """

    def __init__(self, folder: Path, broker: Broker, python: Path = PYTHON, page: int = 0) -> None:
        self.folder = folder
        self.broker = broker
        self.python = python
        self.page = page
        self.version = ""

    def __enter__(self) -> HomeAssistant:
        self.folder.mkdir(exist_ok=True)
        self._errors = (self.folder / "errors.txt").open("w+")
        given = (self.python, _INSIDE, self.folder, self.broker.port, self.page)
        self._process = popen(
            [str(each) for each in given],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip
        self.version = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it as its owner does: it says goodbye and keeps its registries."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            self._errors.close()

    def _line(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise OSError("Home Assistant has ended: " + self._errors.read()[-2000:])
        return json.loads(line)

    def ask(self, order: str, **data: Any) -> Any:
        """Give an order of inside.py; returns the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([order, data]) + "\n")
        self._process.stdin.flush()
        answer = self._line()
        if "error" in answer:
            raise OSError(answer["error"])
        return answer["said"]

    def states(self) -> dict[str, Any]:
        """Every state by the entity's id."""
        found: dict[str, Any] = self.ask("states")
        return found

    def wait(
        self, wanted: Callable[[dict[str, Any]], object], seconds: float = 20
    ) -> dict[str, Any]:
        """Wait until the states are as wanted; returns them."""
        end = time.monotonic() + seconds
        while True:
            states = self.states()
            if wanted(states):
                return states
            if time.monotonic() > end:
                shown = "\n  ".join(f"{name}: {each['state']}" for name, each in states.items())
                log = "\n  ".join(self.ask("warnings"))
                raise TimeoutError(f"the states are\n  {shown}\n{log}")
            time.sleep(0.1)

    def wait_for(self, entity: str, state: str, seconds: float = 20) -> dict[str, Any]:
        """Wait until an entity has a state; returns it with its attributes."""
        states = self.wait(
            lambda found: entity in found and found[entity]["state"] == state, seconds
        )
        about: dict[str, Any] = states[entity]
        return about
