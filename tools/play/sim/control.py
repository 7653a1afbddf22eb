"""The control socket: a test or a person presses buttons, drops the Wi-Fi, pulls the plug.

One JSON object a line in, one out. {"do": "press", "pin": 4} and so on, see ACTIONS; the answer
is {"ok": true, ...} or {"error": "..."}.
"""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, Protocol

from tools.play.sim.world import World
from tools.shared.errors import ToolError

ACTIONS = {
    "press": "pin, ms: press a button",
    "pin": "pin, level: drive an input",
    "adc": "pin, volts: put a voltage on an analog input",
    "wifi": "up: switch the access point on or off",
    "power": "on: switch the power",
    "power_cut": "off and on again",
    "reset": "press the reset button",
    "state": "what the board printed last, why it started, and its access point",
}


class Bench(Protocol):
    """What the socket needs of the bench."""

    world: World
    lines: list[str]
    resets: list[str]
    ended: bool

    def power_on(self) -> None: ...
    def power_off(self) -> None: ...
    def power_cut(self) -> None: ...
    def reset(self) -> None: ...
    def press(self, pin: int | str, ms: int) -> None: ...
    def set_pin(self, pin: int | str, level: int) -> None: ...
    def set_adc(self, pin: int | str, volts: float) -> None: ...


class Control:
    """The server; `address` is where it listens, on loopback."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as lines:
            for line in lines:
                lines.write(json.dumps(self._answer(line)) + "\n")
                lines.flush()

    def _answer(self, line: str) -> dict[str, Any]:
        try:
            request = json.loads(line)
            action = request.pop("do")
            if action not in ACTIONS:
                raise ValueError(f"do: {action!r}; one of {', '.join(ACTIONS)}")
            return {"ok": True, **self._act(action, **request)}
        except (ValueError, TypeError, KeyError, AttributeError, ToolError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _act(self, action: str, **options: Any) -> dict[str, Any]:
        bench = self._bench
        if action == "press":
            bench.press(options["pin"], int(options.get("ms", 100)))
        elif action == "pin":
            bench.set_pin(options["pin"], int(options["level"]))
        elif action == "adc":
            bench.set_adc(options["pin"], float(options["volts"]))
        elif action == "wifi":
            bench.world.set_wifi(bool(options["up"]))
        elif action == "power":
            (bench.power_on if options["on"] else bench.power_off)()
        elif action == "power_cut":
            bench.power_cut()
        elif action == "reset":
            bench.reset()
        else:
            access_point = bench.world.access_point
            return {
                "lines": bench.lines[-20:],
                "resets": bench.resets,
                "ended": bench.ended,
                "access_point": access_point.name,
                "ports": access_point.ports,
            }
        return {}


def send(address: tuple[str, int], request: dict[str, Any]) -> dict[str, Any]:
    """Ask a control socket for one thing; returns its answer."""
    with socket.create_connection(address, 10) as connection, connection.makefile("rw") as lines:
        lines.write(json.dumps(request) + "\n")
        lines.flush()
        answer: dict[str, Any] = json.loads(lines.readline())
        return answer
