"""The emulated Pico as a context manager: its power, its pins, its USB serial port, its flash.

The emulation is a process of Node's, see pico.mjs. Its time is its own: it stands still while a
model is asked, and runs ahead while the board sleeps.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.lab.emulator.setup import PROGRAM, node
from tools.lab.emulator.tty import Tty
from tools.lab.emulator.world import Answers
from tools.play.sim.world import World
from tools.shared.errors import ToolError
from tools.shared.process import popen

DEADLINE_S = 60.0


class Pico:
    """A board with a firmware and a flash chip. `port` is its USB, for mpremote.

    firmware: a .uf2, written to the flash chip when it is new; flash: the file that is its content
    parts: what is wired to it, as tools.play.sim.world.World takes it
    lights: pins with WS2812 lights
    triggers: the TRIG pin of each ultrasonic sensor, by its ECHO pin
    """

    def __init__(
        self, firmware: Path, flash: Path, parts: dict[str, Any] | None = None,
        lights: Sequence[int] = (), triggers: dict[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.flash = flash
        self._now = 0.0
        self.world = World(parts or {}, {"ssid": ""}, clock=lambda: self._now)
        self._answers = Answers(self.world, lights, triggers or {})
        asked, ask = os.pipe()
        told, tell = os.pipe()
        self._process = popen(
            [str(node()), str(PROGRAM), str(firmware), str(flash), str(ask), str(told)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(ask, told),
        )  # fmt: skip
        os.close(ask)
        os.close(told)
        self._asked, self._tell = os.fdopen(asked), os.fdopen(tell, "w")
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._replies: queue.Queue[dict[str, Any]] = queue.Queue()
        self._threads = [threading.Thread(target=f, daemon=True) for f in (self._ask, self._read)]
        for thread in self._threads:
            thread.start()
        self._usb = socket.create_connection(("127.0.0.1", self.wait("port")["port"]))
        self._tty = Tty(self._usb)
        self.port = self._tty.name

    def __enter__(self) -> Pico:
        return self

    def __exit__(self, *_: object) -> None:
        self._tty.close()
        self._usb.close()
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._asked, self._tell):
            assert pipe
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # something was on its way to it

    # --- power

    def power_on(self) -> None:
        """Switch it on, and wait until its USB is up."""
        self._do("on", parts=self._answers.parts())
        for pin in self._answers.held_low():
            self.pin(pin, 0)
        self.wait("usb")

    def power_off(self) -> None:
        """Switch it off; what its flash holds stays."""
        self._do("off")
        self.wait("off")

    def cut(self, after: int, torn: float = 0.5) -> None:
        """Let the power go in that operation of the flash from now on, `torn` of it done."""
        self._do("flash", cutAt=after, torn=torn)

    @property
    def operations(self) -> int:
        """Sectors erased and pages programmed since it was switched on."""
        found: int = self._do("flash")["operations"]
        return found

    # --- pins

    def pin(self, pin: int, level: int | None) -> None:
        """Hold a pin at a level from outside, or with None let it go."""
        self._do("pin", pin=pin, level=level)

    def waves(self, pins: dict[int, list[tuple[int | None, float]]]) -> None:
        """Hold pins at one level after the other, each for so many us of the board's time.

        All of them begin at the same moment; in the end they are let go.
        """
        self._do("waves", pins=list(pins.items()))

    def look(self, pin: int) -> dict[str, float]:
        """The level of a pin, its edges so far, and the last period and time at high in us."""
        found: dict[str, float] = self._do("look", pin=pin)
        return found

    # --- the process

    def wait(self, event: str, timeout: float = DEADLINE_S) -> dict[str, Any]:
        """Wait for an event: "usb", "reset", "cut", "off"; others before it are dropped."""
        while True:
            try:
                found = self._events.get(timeout=timeout)
            except queue.Empty:
                raise ToolError(f"the emulated board: no {event!r} within {timeout} s") from None
            if found["event"] == event:
                return found
            if found["event"] == "end":
                raise ToolError(f"the emulated board has ended; no {event!r}", "see its output")

    def _do(self, name: str, **more: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": 1, "do": name, **more}) + "\n")
        self._process.stdin.flush()
        reply = self._replies.get(timeout=DEADLINE_S)
        if "answer" not in reply:
            raise ToolError(f"the emulated board has ended at {name!r}", "see its output")
        return reply["answer"]

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            found = json.loads(line)
            (self._events if "event" in found else self._replies).put(found)
        self._events.put({"event": "end"})
        self._replies.put({})

    def _ask(self) -> None:
        for line in self._asked:
            us, kind, *rest = json.loads(line)
            self._now = us / 1e6
            try:
                self._tell.write(json.dumps(self._answers.answer(kind, *rest)) + "\n")
                self._tell.flush()
            except BrokenPipeError:
                return
