"""Code on the emulated Pico, as host_tests.harness.rig runs it on the simulated board."""

from __future__ import annotations

import json
from typing import Any

from mpremote.transport_serial import SerialTransport  # type: ignore[import-untyped]

from host_tests.harness.rig import PRELUDE
from tools.lab.emulator import Pico


class PicoRig:
    """The REPL of a board that is switched on. A context manager."""

    def __init__(self, pico: Pico) -> None:
        self.pico = pico
        self._repl = SerialTransport(pico.port)

    def __enter__(self) -> PicoRig:
        return self

    def __exit__(self, *_: object) -> None:
        self._repl.close()

    def run(self, code: str) -> list[Any]:
        """Run code; returns what it told, one value for each tell()."""
        self.begin(code)
        return self.finish()

    def begin(self, code: str, ready: str = "") -> None:
        """Begin to run code in an interpreter of its own; returns when it has printed `ready`."""
        self._repl.enter_raw_repl()
        self._repl.exec_raw_no_follow(PRELUDE + code)
        if ready:
            line = f"{ready}\r\n".encode()
            said = self._repl.read_until(1, line)
            assert said.endswith(line), said.decode()

    def finish(self, timeout: float = 180) -> list[Any]:
        """What the code told, from the last `ready` on; fails if it raised anything."""
        said, error = self._repl.follow(timeout)
        assert not error, error.decode()
        return [json.loads(line) for line in said.decode().splitlines() if line]

    def part(self, where: str, index: int = 0) -> Any:
        """A model, to be changed while the test runs."""
        kind, _, pins = where.partition(":")
        if kind == "i2c":
            return self.pico.world.buses[pins].parts[index]
        found = self.pico.world.wires[pins]
        return found.parts[index] if hasattr(found, "parts") else found
