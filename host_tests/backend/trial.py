"""A fleet, a broker, a collector and a database, of which any can be killed; and the accounts.

The fleet writes down each reading that a node had, and ends when the broker has acknowledged all
of them. The database must then have exactly these, each once.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from tools.backend import tables as t
from tools.backend.collect import BROKER_SETTINGS
from tools.backend.database import engine_of
from tools.play.broker import Broker
from tools.shared.paths import ROOT
from tools.shared.process import popen

# The collector's session must outlive a kill of the broker, so it is written down at once.
SETTINGS = (*(each for each in BROKER_SETTINGS if "autosave" not in each), "autosave_interval 1")
WAIT_S = 120.0
DELIVER_S = 900.0  # for what waits in the nodes; the fleet gives up when nothing moves
# With these the broker's log has a line for each subscription: the client's id, QoS and filter.
LOG = tuple(f"log_type {kind}" for kind in ("error", "warning", "notice", "information",
                                            "subscribe"))  # fmt: skip
COLLECTOR = "petrel-collector"
SUBSCRIBED = f"{COLLECTOR} 1 petrel/#"

Key = tuple[str, str, int, int]


class Accounts(NamedTuple):
    """accepted: readings that nodes had; stored: rows; missing, doubled, unknown: must be 0."""

    accepted: int
    stored: int
    missing: int
    doubled: int
    unknown: int

    @property
    def good(self) -> bool:
        """True if each reading is there once, and no other."""
        return not (self.missing or self.doubled or self.unknown)


class Trial:
    """All parts in a folder; a context manager that starts them and ends what is left."""

    def __init__(self, folder: Path, url: str, nodes: int = 30, rate: float = 200) -> None:
        self.url = url
        self.broker = Broker(persistence=True, settings=(*SETTINGS, *LOG))
        self.collectors: dict[str, subprocess.Popen[str]] = {}
        self.engine = engine_of(url)
        self._folder = folder
        self._fleet: subprocess.Popen[str] | None = None
        self._load = ("--nodes", str(nodes), "--rate", str(rate), "--trouble", "10")
        self._log = (folder / "collector.log").open("a")

    def __enter__(self) -> Trial:
        try:
            self.broker.start()
            self.start_collector()
            # From here on the broker keeps for it whatever comes, even if it is killed itself.
            self.wait(self._session_is_written, "the broker has no session of the collector")
            self._fleet = self._popen(
                "simulate", *self._load, "--host", f"127.0.0.1:{self.broker.port}",
                "--ledger", str(self._ledger),
            )  # fmt: skip
            self.wait_for_more(1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for process in (self._fleet, *self.collectors.values()):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.broker.kill()
        self.broker.__exit__(None, None, None)
        self.engine.dispose()
        self._log.close()

    @property
    def log(self) -> str:
        """What the collector has said."""
        return Path(self._log.name).read_text()

    @property
    def stored(self) -> int:
        """How many readings the database has; -1 if it doesn't answer."""
        try:
            with self.engine.connect() as connection:
                return connection.scalar(sa.select(sa.func.count()).select_from(t.reading)) or 0
        except sa.exc.SQLAlchemyError:
            return -1

    def start_collector(self, name: str = COLLECTOR) -> None:
        """Start `petrel collect` with a session of that name, without the page."""
        config = self._folder / f"{name}.toml"
        config.write_text(
            f"""
            broker.host = "127.0.0.1:{self.broker.port}"
            broker.client_id = "{name}"
            database.url = "{self.url}"
            web.on = false
            """
        )
        self.collectors[name] = self._popen("collect", "--config", str(config))

    def kill_collector(self, name: str = COLLECTOR) -> None:
        """SIGKILL, whatever it is doing."""
        self.collectors[name].kill()
        self.collectors[name].wait()

    def kill_broker(self) -> None:
        """SIGKILL the broker, when it has nothing that is nowhere else, and start it again.

        A broker that is killed loses what it has acknowledged and not written down. That is its
        loss and not the collector's, so the nodes are held still until everything has arrived.
        """
        assert self._fleet
        self._fleet.send_signal(signal.SIGSTOP)
        self._wait_until_quiet()
        # Nothing may be stored for a while because all are busy. What the broker has written down
        # it has in any case: a save that has begun since, and ended before the next begins.
        were = self._saves
        self.wait(lambda: self._saves > were + 1, "the broker writes nothing down")
        self.broker.kill()
        self.broker.start()
        self._fleet.send_signal(signal.SIGCONT)

    def wait_for_more(self, readings: int) -> None:
        """Wait until the database has so many readings more than now."""
        goal = max(0, self.stored) + readings
        self.wait(lambda: self.stored >= goal, f"no {readings} more readings were stored")

    def wait_for_nodes(self, readings: int) -> None:
        """Wait until the nodes have had so many readings more than now, stored or not."""
        goal = self._accepted + readings
        self.wait(lambda: self._accepted >= goal, f"the nodes had no {readings} more readings")

    def wait(self, true: Callable[[], bool], otherwise: str) -> None:
        """Look again and again, whether something has come true."""
        end = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < end, f"{otherwise}; the collector said:\n{self.log[-3000:]}"
            time.sleep(0.05)

    def settle(self) -> Accounts:
        """End the fleet, wait until everything is stored, and compare."""
        assert self._fleet
        self._fleet.send_signal(signal.SIGINT)
        assert self._fleet.wait(DELIVER_S) == 0, "the broker didn't take all readings"
        expected = Counter(_keys(self._ledger))
        since, were = time.monotonic(), -1
        while were < len(expected) and time.monotonic() - since < WAIT_S:
            time.sleep(0.1)
            if (now := self.stored) != were:
                were, since = now, time.monotonic()
        self._wait_until_quiet()
        stored = self._stored_keys()
        return Accounts(
            len(expected),
            stored.total(),
            len(expected.keys() - stored.keys()),
            stored.total() - len(stored),
            len(stored.keys() - expected.keys()),
        )

    @property
    def _ledger(self) -> Path:
        return self._folder / "ledger.txt"

    @property
    def _accepted(self) -> int:
        """How many readings the nodes have had; the ledger comes in pieces of a few hundred."""
        return self._ledger.read_bytes().count(b"\n")

    def _session_is_written(self) -> bool:
        """True once the broker has saved what it holds after the collector has subscribed."""
        found = f"{re.escape(SUBSCRIBED)}.*Saving in-memory database"
        return re.search(found, "\n".join(self.broker.log), re.DOTALL) is not None

    @property
    def _saves(self) -> int:
        """How often the broker has begun to write down what it holds."""
        return sum("Saving in-memory database" in line for line in self.broker.log)

    def _wait_until_quiet(self) -> None:
        """Wait until nothing has been stored for a while."""
        was, since = self.stored, time.monotonic()
        while time.monotonic() - since < 1.5:
            time.sleep(0.1)
            if (now := self.stored) != was:
                was, since = now, time.monotonic()

    def _stored_keys(self) -> Counter[Key]:
        columns = (t.node.c.name, t.sensor.c.name, t.reading.c.boot, t.reading.c.seq)
        joined = t.reading.join(t.sensor, t.sensor.c.id == t.reading.c.sensor).join(t.node)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).select_from(joined))
            return Counter((row[0], row[1], row[2], row[3]) for row in rows)

    def _popen(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tools", *arguments]
        return popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)


def _keys(ledger: Path) -> list[Key]:
    lines = (line.split("\t") for line in ledger.read_text().splitlines())
    return [(node, sensor, int(boot), int(seq)) for node, sensor, boot, seq in lines]
