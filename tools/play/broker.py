"""A real Mosquitto on a free loopback port, to be killed, stopped and started at will."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import queue
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from tools.shared.errors import ToolError
from tools.shared.paths import MOSQUITTO
from tools.shared.process import popen

START_S = 10.0
TRIES = 5  # of free ports


class Broker:
    """Mosquitto with a folder of its own; a context manager that starts it and cleans up.

    users: names and passwords, without which nobody may connect; persistence: keep sessions and
    retained messages over restarts; settings: further lines for mosquitto.conf; folder: where it
    keeps them, and they stay there afterwards.
    """

    host = "127.0.0.1"
    running_line = re.compile(r"mosquitto version \S+ running")

    def __init__(
        self,
        users: dict[str, str] | None = None,
        persistence: bool = False,
        settings: tuple[str, ...] = (),
        folder: Path | None = None,
    ) -> None:
        self.users = users or {}
        self.persistence = persistence
        self.settings = settings
        self.port = 0
        self.log: list[str] = []
        self._logged = threading.Condition()
        self._folder = folder
        self._kept = folder is not None
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if self._folder and not self._kept:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port as before if there was one; returns when it answers."""
        if self.running:
            return
        self._check_installed()
        port = begun(self.port, self._try)
        if not port:
            raise ToolError("Mosquitto does not start", "\n  ".join(self.log[-5:]))
        self.port = port

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it properly: with persistence it writes down what it holds."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop it properly and start it again."""
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def logs(self, pattern: str, timeout: float = 40) -> bool:
        """Wait for a line of the log in which the pattern is found; False if none came in time."""
        with self._logged:
            return self._logged.wait_for(
                lambda: any(re.search(pattern, line) for line in self.log), timeout
            )

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        # Mosquitto forgets a signal that comes just when it says it is running: say it again.
        for _ in range(20):
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
                break
        if self._reader:
            self._reader.join(10)  # the log is complete

    def _try(self, port: int) -> bool:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="petrel-broker-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        conf = self._folder / "mosquitto.conf"
        conf.write_text(self._config(port))
        # One that keeps what it holds outlives a Ctrl-C, until its owner stops it properly.
        apart = {"process_group": 0} if self._kept else {}
        self._process = self._popen(
            self._command(conf),
            **apart,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._reader = threading.Thread(
            target=self._read_log, args=(self._process, said), daemon=True
        )
        self._reader.start()
        # Not by connecting: any other program on that port would answer as well.
        with contextlib.suppress(queue.Empty):
            if said.get(timeout=START_S):
                return True
        self._end(signal.SIGKILL)
        return False

    def _popen(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        return popen(command, **options)

    def _read_log(self, process: subprocess.Popen[str], said: queue.SimpleQueue[bool]) -> None:
        """Keep the log; tells `said` whether it listens, once it does or has ended."""
        assert process.stderr
        with process.stderr as lines:
            for line in lines:
                with self._logged:
                    self.log.append(line.rstrip())
                    self._logged.notify_all()
                if self.running_line.search(line):
                    said.put(True)
        said.put(False)

    def _check_installed(self) -> None:
        if not MOSQUITTO.exists():
            raise ToolError("there is no Mosquitto in .tools/bin", "run make setup")

    def _command(self, conf: Path) -> list[str]:
        return [str(MOSQUITTO), "-c", str(conf)]

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _config(self, port: int) -> str:
        assert self._folder
        lines = [
            f"listener {port} {self.host}",
            f"allow_anonymous {'false' if self.users else 'true'}",
            "set_tcp_nodelay true",
            "log_dest stderr",  # stdout would be held back in a buffer
            f"persistence {'true' if self.persistence else 'false'}",
            f"persistence_location {self._folder}/",
        ]
        if os.getuid() == 0:
            lines.append("user root")  # the folder is ours alone
        if self.users:
            passwords = self._folder / "passwords"
            passwords.write_text("".join(_password_line(*user) for user in self.users.items()))
            passwords.chmod(0o600)
            lines.append(f"password_file {passwords}")
        return "\n".join([*lines, *self.settings, ""])


def begun(port: int, begins: Callable[[int], bool]) -> int:
    """Begin on a port, or with 0 on one that is free; returns it, or 0 if that didn't succeed."""
    if port:
        return port if begins(port) else 0
    # Between finding a port and using it somebody else may take it.
    return next((port for port in (free_port() for _ in range(TRIES)) if begins(port)), 0)


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _password_line(name: str, password: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512, as mosquitto_passwd writes it."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101, 64)
    salted, hashed = base64.b64encode(salt).decode(), base64.b64encode(digest).decode()
    return f"{name}:$7$101${salted}${hashed}\n"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=1883,
    show_default=True,
    help="where it listens",
)
@click.option(
    "--lan", is_flag=True, help="let boards in your network connect, not only programs here"
)
def command(port: int, lan: bool) -> None:
    """Run a broker until Ctrl-C, if you have none. It doesn't ask for a password."""
    broker = Broker(persistence=True)
    broker.port = port
    if lan:
        broker.host = "0.0.0.0"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(broker)
        except ToolError as error:
            if any("in use" in line for line in broker.log):
                raise ToolError(
                    f"port {port} is taken; perhaps a broker runs already",
                    f"Use that one (HOST=127.0.0.1:{port}), or choose another port: "
                    f"make broker BROKER_PORT={port + 1}",
                ) from error
            raise
        print(f"a broker at {broker.host}:{port}; Ctrl-C ends it")
        if lan:
            print("anybody in your network can connect to it: use it only to try things out")
        threading.Event().wait()
