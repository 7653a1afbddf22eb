"""The console of an emulated board, line by line."""

from __future__ import annotations

import json
import os
import select
import termios
import time
from types import TracebackType
from typing import Any

from host_tests.emulated.rig import PicoRig
from tools.lab.emulator import Pico


class Console:
    """What a board prints from now on, and what is typed. A context manager."""

    def __init__(self, pico: Pico) -> None:
        self._fd = os.open(pico.port, os.O_RDWR | os.O_NOCTTY)
        self.lines: list[str] = []
        self._rest = b""

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if kind:
            print("the board's console:", *self.lines, sep="\n  ")
        termios.tcflush(self._fd, termios.TCIOFLUSH)
        os.close(self._fd)

    def type(self, keys: bytes) -> None:
        """Type."""
        os.write(self._fd, keys)

    def wait(self, text: str, timeout: float = 180) -> str:
        """Wait for a line with a text in it; returns the line."""
        end = time.monotonic() + timeout
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                self.lines.append(line.decode(errors="replace").strip())
                if text in self.lines[-1]:
                    return self.lines[-1]
            assert time.monotonic() < end, f"no {text!r} within {timeout} s: {self.lines[-20:]}"
            if select.select([self._fd], [], [], 0.5)[0]:
                self._rest += os.read(self._fd, 4096)


def write_config(pico: Pico, config: dict[str, Any], name: str = "config.json") -> None:
    """Write a file onto the board, at its REPL."""
    with PicoRig(pico) as rig:
        rig.run(f"with open({name!r}, 'w') as f: f.write({json.dumps(config)!r})")


RESET = b"\x03\x02import machine;machine.reset()\r"
