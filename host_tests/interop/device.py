"""One of Petrel's clients inside MicroPython, remote-controlled."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from host_tests.harness.interpreter import IN_PYTHON, WIDTHS, interpreter
from tools.lab.brokers.base import PASSWORD, USER
from tools.shared.process import popen

SCRIPTS = Path(__file__).parent.parent / "scripts"
CLIENTS = {"blocking": ("64", "interop_simple.py"), "asyncio": (WIDTHS[-1], "interop_asyncio.py")}
PYTHONS = {"UnicodeEncodeError": "ValueError"}  # what MicroPython raises in its place
PROTOCOLS = {"3.1": 3, "3.1.1": 4, "5": 5}
ANSWER_S = 20.0
Received = tuple[str, str, bool | None]


class DeviceError(Exception):
    """The client raised an error: its name, its words, and the broker's code if it has one."""

    def __init__(self, name: str, text: str, code: int | None) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.code = code


class Device:
    """A client of a kind ("blocking" or "asyncio"); a context manager that ends its process."""

    heap = "256K"
    # In Python instead of MicroPython; make conformance CPYTHON=1 wants that for all.
    in_python = "PETREL_IN_PYTHON" in os.environ

    def __init__(self, kind: str, protocol: str, port: int, wait_ms: int) -> None:
        command, environment = self._start(*CLIENTS[kind])
        self.protocol = protocol
        self.port = port
        self.wait_ms = wait_ms  # the longest wait for what is to be received
        self.said: list[str] = []
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process = popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _start(self, bits: str, script: str) -> tuple[list[str], dict[str, str]]:
        """The command that starts it, and its environment."""
        python = IN_PYTHON if self.in_python else interpreter(bits)
        return python.command(SCRIPTS / script, heap=self.heap), python.environment()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        assert self._process.stdin
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # what was left to be written

    def kill(self) -> None:
        """End it without a goodbye, as a board that loses its power."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)

    def open(
        self,
        client_id: str,
        clean: bool = True,
        will: tuple[str, str, int, bool] | None = None,
        password: str = PASSWORD,
        port: int | None = None,
        **options: Any,
    ) -> bool:
        """Connect; returns whether the broker still had our session."""
        options |= {"buffer": 512}
        if self.protocol != "3.1.1":
            options["version"] = PROTOCOLS[self.protocol]
        options |= {"user": USER, "password": password, "will": will, "clean": clean}
        return bool(self._do("open", port=port or self.port, client_id=client_id, **options))

    def publish(
        self,
        topic: str,
        payload: str,
        qos: int = 0,
        retain: bool = False,
        **properties: Any,
    ) -> None:
        """Publish; with QoS 1 and 2 it returns when the broker has taken over."""
        self._do("publish", topic=topic, payload=payload, retain=retain, qos=qos, **properties)

    def subscribe(self, topic: str | list[tuple[str, int]], qos: int = 0) -> None:
        """Subscribe to a filter, or in one packet to pairs of a filter and a QoS."""
        self._do("subscribe", topic=topic, qos=qos)

    def unsubscribe(self, topic: str | list[str]) -> None:
        """Unsubscribe."""
        self._do("unsubscribe", topic=topic)

    def receive(self, count: int) -> list[Received]:
        """What has arrived, once that is so many: topic, payload, retained (None: not told)."""
        got = self._do("receive", count=count, timeout_ms=self.wait_ms)
        return [(topic, payload, retained) for topic, payload, retained, _ in got]

    def receive5(self, count: int) -> list[tuple[str, str, bool | None, dict[str, Any]]]:
        """As receive(), with the properties of MQTT 5."""
        return [tuple(each) for each in self._do("receive", count=count, timeout_ms=self.wait_ms)]

    def server(self) -> dict[str, Any]:
        """What the broker said of itself when it accepted us, with MQTT 5."""
        return dict(self._do("server"))

    def aliases(self) -> int:
        """How many topics have an alias on this connection."""
        return int(self._do("aliases"))

    def reopen(self) -> bool:
        """Connect once more after close(), as before; returns whether the session was there."""
        return bool(self._do("reopen"))

    def reconnect(self, timeout: float = ANSWER_S) -> bool:
        """Connect again, or wait until the client has; returns whether the session was there."""
        return bool(self._do("reconnect", timeout))

    def skipped(self) -> int:
        """Messages that were larger than the buffer."""
        return int(self._do("skipped"))

    def connects(self) -> int:
        """Connections that have stood."""
        return int(self._do("connects"))

    def close(self) -> None:
        """Say goodbye."""
        self._do("close")

    def _do(self, name: str, timeout: float = ANSWER_S, /, **arguments: Any) -> Any:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"do": name, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise DeviceError("gone", " ".join(self.said[-3:]), None) from None
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"{name}() does not return within {timeout:.0f} s") from None
        if answer is None:
            raise DeviceError("gone", " ".join(self.said[-3:]), None)
        if "error" in answer:
            name = PYTHONS.get(answer["error"], answer["error"])
            raise DeviceError(name, answer["text"], answer["code"])
        return answer["ok"]

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                if line.startswith("> "):
                    self._answers.put(json.loads(line[2:]))
                else:
                    self.said.append(line.rstrip())
        self._answers.put(None)
