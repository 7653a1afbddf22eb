"""What the brokers have in common beyond tools.play.broker: a title, a version, known limits."""

from __future__ import annotations

import contextlib
import fcntl
import json
import queue
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import ClassVar

from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import TOOLS
from tools.shared.process import popen

USER = "petrel"
PASSWORD = "a password of many letters"


class RealBroker(Broker):
    """A broker of one kind, started on a free loopback port.

    title: its name in print; quick: it is set up and started within seconds; logins: it refuses a
    wrong password; limits: what the broker is known not to do, by the name of a check
    ("qos2"), of a protocol version ("3.1") or of both ("qos2/3.1"), and why.
    """

    title: ClassVar[str]
    quick: ClassVar[bool] = True
    logins: ClassVar[bool] = True
    limits: ClassVar[dict[str, str]] = {}
    start_s: ClassVar[float] = 20.0

    def __init__(self) -> None:
        super().__init__(users={USER: PASSWORD})

    def __enter__(self) -> RealBroker:
        try:
            self.start()
        except BaseException as error:  # an interrupt as well: nothing may be left
            self.__exit__(type(error), error, None)
            raise
        return self

    def start(self) -> None:
        """Start it, on the same port as before if there was one; returns when it answers."""
        try:
            super().start()
        except ToolError as error:
            raise ToolError(f"{self.title} does not start", "\n  ".join(self.log[-5:])) from error

    def install(self) -> None:
        """Fetch it into .tools, unless it is there. Raises ToolError."""
        with (TOOLS / "brokers.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be at it
            self._check_installed()

    def version(self) -> str:
        """The version of what is installed."""
        raise NotImplementedError

    def limit(self, check: str, protocol: str) -> str | None:
        """Why the broker cannot pass a check, None if it should."""
        for name in (f"{check}/{protocol}", check, protocol):
            if name in self.limits:
                return self.limits[name]
        return None

    def _try(self, port: int) -> bool:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="petrel-broker-"))
        conf = self._folder / "broker.conf"
        conf.write_text(self._config(port))
        self._process = popen(
            self._command(conf),
            env=self._environment(),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._reader = threading.Thread(
            target=self._read_log, args=(self._process, said), daemon=True
        )
        self._reader.start()
        with contextlib.suppress(queue.Empty):
            if said.get(timeout=self.start_s):
                return True
        self._end(signal.SIGKILL)
        return False


def first_match(pattern: str, command: list[str]) -> str:
    """What a program says of its version. Raises ToolError if it does not run."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError as error:
        raise ToolError(
            f"{command[0]} does not run: {error}", "remove it, and try again"
        ) from error
    found = re.search(pattern, said.stdout + said.stderr)
    if not found:
        raise ToolError(f"{command[0]} doesn't say its version", "remove it, and try again")
    return found[1]


def quoted(text: object) -> str:
    """A text in quotation marks, as configuration files and JavaScript have it."""
    return json.dumps(str(text))
