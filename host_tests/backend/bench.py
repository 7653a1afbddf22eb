"""What the collector can take: `make bench-backend`.

Publishers send readings as fast as the broker takes them, or at a given rate. Beside the
collector, with SQLite and with PostgreSQL, runs the floor: Mosquitto's own mosquitto_sub, which
writes what it gets to a file and stores nothing. All are measured in one run on one machine, so
their ratios say more than the figures.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import paho.mqtt.client as paho
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from host_tests.backend import bench_page
from host_tests.backend.postgres import Postgres
from host_tests.backend.trial import LOG, SUBSCRIBED
from tools import cli
from tools.backend import tables as t
from tools.backend.collect import BROKER_SETTINGS
from tools.backend.database import engine_of
from tools.play.broker import Broker
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT, TOOLS
from tools.shared.process import popen
from tools.start import debian

NODES, SENSORS = 500, 10
PUBLISHERS = 2
WINDOW = 500
SUBSCRIBER = TOOLS / "bin" / "mosquitto_sub"
START_S = 60.0
MARK_S = 0.5  # how often it is looked what has come


@dataclass
class Result:
    """Of one run: how long until all were stored, and how much RAM that took."""

    name: str
    readings: int
    stored: int
    seconds: float
    rss_mb: float
    cpu_s: float  # of the process that receives; a database server has its own
    slowest_s: float = 0.0  # of live values, from publishing until they are in the database

    @property
    def rate(self) -> float:
        """Readings/s."""
        return self.readings / self.seconds


@click.command()
@click.option("--readings", default=300_000, show_default=True, help="of each run")
@click.option("--rate", default=0.0, help="readings/s; 0: as fast as it goes")
@click.option("--backlog", is_flag=True, help="publish all before the collector starts")
@click.option("--page", is_flag=True, help="measure how long the page waits for a plot instead")
def command(readings: int, rate: float, backlog: bool, page: bool) -> None:
    """Measure the collector, beside mosquitto_sub into a file."""
    if page:
        bench_page.measure(readings)
        return
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as path, Postgres() as server:
        folder = Path(path)
        results = [_floor(folder, readings, rate, backlog)]
        urls = {"SQLite": f"sqlite:///{folder}/x.db", "PostgreSQL": server.new_database()}
        results += [
            _collect(name, folder, url, readings, rate, backlog) for name, url in urls.items()
        ]
    table = Table("", "readings", "stored", "s", "per s", "of floor", "CPU us/each",
                  "RSS MB", "slowest s")  # fmt: skip
    for result in results:
        table.add_row(
            result.name, f"{result.readings:,}", f"{result.stored:,}", f"{result.seconds:.1f}",
            f"{result.rate:,.0f}", f"{result.rate / results[0].rate:.2f}",
            f"{1e6 * result.cpu_s / result.readings:.0f}", f"{result.rss_mb:.0f}",
            f"{result.slowest_s:.2f}" if result.slowest_s else "",
        )  # fmt: skip
    Console(width=100).print(table)
    if any(result.stored != result.readings for result in results):
        raise ToolError("not every reading was stored once", "See the table above.")


def _collect(
    name: str, folder: Path, url: str, readings: int, rate: float, backlog: bool
) -> Result:
    """Run `petrel collect` until it has stored everything."""
    engine = engine_of(url)
    with _broker() as broker, (folder / f"{name}.log").open("w") as log:
        config = folder / f"{name}.toml"
        config.write_text(
            f'broker.host = "127.0.0.1:{broker.port}"\ndatabase.url = "{url}"\nweb.on = false\n'
        )
        command = [sys.executable, "-m", "tools", "collect", "--config", str(config)]
        run = _Run(
            broker,
            lambda: popen(command, cwd=ROOT, stdout=log, stderr=log),
            SUBSCRIBED,
            lambda: _wait_for_all(engine, readings, time.time if rate and not backlog else None),
        )
        try:
            return run.measured(name, lambda: _count(engine), readings, rate, backlog)
        finally:
            engine.dispose()


def _floor(folder: Path, readings: int, rate: float, backlog: bool) -> Result:
    """The same for mosquitto_sub, which writes lines to a file."""
    _install_subscriber()
    out = folder / "lines"
    with _broker() as broker, out.open("wb") as file:
        command = [str(SUBSCRIBER), "-p", str(broker.port), "-t", "petrel/#", "-q", "1", "-i",
                   "floor", "-c", "-F", "%t %p"]  # fmt: skip
        run = _Run(
            broker,
            lambda: popen(command, stdout=file, stderr=subprocess.DEVNULL),
            "floor 1 petrel/#",
            lambda: _wait_for_lines(out, readings),
        )
        return run.measured("mosquitto_sub", lambda: _lines(out), readings, rate, backlog)


@dataclass
class _Run:
    """One that receives readings.

    subscribed: the line of the broker's log that says that it listens
    wait: returns when it has everything, with how far the newest was behind at most
    """

    broker: Broker
    start: Callable[[], subprocess.Popen[str]]
    subscribed: str
    wait: Callable[[], float]

    def measured(
        self, name: str, count: Callable[[], int], readings: int, rate: float, backlog: bool
    ) -> Result:
        """Have it receive all readings: as they are published, or after it was away."""
        process = self.start()
        try:
            if not self.broker.logs(re.escape(self.subscribed), START_S):
                raise ToolError(f"{name} doesn't subscribe", "\n  ".join(self.broker.log[-5:]))
            if backlog:
                process.kill()
                process.wait()
                with _publishing(self.broker, readings, rate):
                    pass
                began = time.monotonic()
                process = self.start()
                slowest = self.wait()
            else:
                began = time.monotonic()
                with _publishing(self.broker, readings, rate):
                    slowest = self.wait()
            seconds = time.monotonic() - began
            rss, cpu = _rss_mb(process.pid), _cpu_s(process.pid)
            return Result(name, readings, count(), seconds, rss, cpu, slowest)
        finally:
            process.kill()
            process.wait()


def _broker() -> Broker:
    settings = [each for each in BROKER_SETTINGS if "queued" not in each]
    return Broker(settings=(*settings, *LOG, "max_queued_messages 0"))


@contextmanager
def _publishing(broker: Broker, readings: int, rate: float) -> Iterator[None]:
    """Publishers in processes of their own; afterwards the broker has everything."""
    share = readings // PUBLISHERS
    counts = [share] * (PUBLISHERS - 1) + [readings - share * (PUBLISHERS - 1)]
    processes = [
        multiprocessing.get_context("spawn").Process(
            target=_publish, args=(broker.port, number, count, rate / PUBLISHERS)
        )
        for number, count in enumerate(counts)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.join()


def _publish(port: int, number: int, readings: int, rate: float) -> None:
    """Publish readings of many nodes over one connection, with a window of unacknowledged ones."""
    window = threading.Semaphore(WINDOW)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(2 * WINDOW)
    client.on_publish = lambda *_: window.release()
    client.connect("127.0.0.1", port)
    client.loop_start()
    began = time.monotonic()
    for index in range(readings):
        node, sensor = index % NODES, index // NODES % SENSORS
        content = {"value": index / 8, "unit": "C", "seq": index + 1, "boot": number + 1,
                   "time": round(time.time(), 3)}  # fmt: skip
        window.acquire()
        client.publish(f"petrel/n{number}-{node}/s{sensor}", json.dumps(content), qos=1)
        if rate and index % 50 == 0:
            time.sleep(max(0.0, began + index / rate - time.monotonic()))
    for _ in range(WINDOW):
        window.acquire()
    client.disconnect()
    client.loop_stop()


def _wait_for_all(engine: sa.Engine, readings: int, clock: Any) -> float:
    """Wait until so many are stored; returns by how much the newest was behind at most."""
    slowest, stored, since = 0.0, -1, time.monotonic()
    while stored < readings:
        time.sleep(MARK_S)
        now = _count(engine)
        if clock and 0 < now < readings:
            slowest = max(slowest, clock() - _newest(engine))
        if now != stored:
            stored, since = now, time.monotonic()
        if time.monotonic() - since > 60:
            break
    return slowest


def _wait_for_lines(out: Path, readings: int) -> float:
    since = time.monotonic()
    size = -1
    while _lines(out) < readings and time.monotonic() - since < 60:
        time.sleep(MARK_S)
        if out.stat().st_size != size:
            size, since = out.stat().st_size, time.monotonic()
    return 0.0


def _lines(out: Path) -> int:
    with out.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _count(engine: sa.Engine) -> int:
    try:
        with engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.reading)) or 0
    except sa.exc.SQLAlchemyError:
        return 0  # the tables aren't made yet


def _newest(engine: sa.Engine) -> float:
    """When the newest reading of some sensor was taken, in s."""
    with engine.connect() as connection:
        query = sa.select(sa.func.max(t.reading.c.time)).where(t.reading.c.sensor <= 20)
        return (connection.scalar(query) or 0) / 1000


def _rss_mb(pid: int) -> float:
    """The most RAM that a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    """The time that processors have spent on a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _install_subscriber() -> None:
    if not SUBSCRIBER.exists():
        arch = debian.architecture()
        tree = TOOLS / "mosquitto-clients"
        debian.fetch(tree, "trixie", arch, "mosquitto-clients")
        debian.wrap(SUBSCRIBER, tree, arch, "usr/bin/mosquitto_sub")


if __name__ == "__main__":
    sys.exit(cli.run(command, "make bench-backend"))
