"""What the collector can take: `make bench-backend`.

Publishers send readings as fast as the broker takes them, or at a given rate. Beside the
collector, with SQLite and with PostgreSQL, runs the floor: Mosquitto's own mosquitto_sub, which
writes what it gets to a file and stores nothing. All are measured in one run on one machine, so
their ratios say more than the figures. The processor's time says more than the time that passed,
for other programs want the processor as well.

At a rate the page is served too, and somebody looks at it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import sqlalchemy as sa
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from host_tests.backend import bench_page, watch
from host_tests.backend.load import Load, publishing, sensor_name
from host_tests.backend.postgres import Postgres
from host_tests.backend.trial import LOG, SUBSCRIBED
from tools import cli
from tools.backend import tables as t
from tools.backend.collect import BROKER_SETTINGS
from tools.backend.database import engine_of
from tools.play.broker import Broker, free_port
from tools.shared.errors import ToolError
from tools.shared.paths import ROOT, TOOLS
from tools.shared.process import popen
from tools.start import debian

SUBSCRIBER = TOOLS / "bin" / "mosquitto_sub"
FLOOR = 300_000  # readings of the floor, at most: its ratio is known by then
WATCHED = [sensor_name(0, node, 0) for node in range(0, 160, 10)]
START_S = 60.0
QUIET_S = 60.0  # if nothing has come for that time, nothing will
LEAST_S = 0.5  # how often it is looked what has come
SHARE = 20  # counting may take a part of the time like this
CONSOLE = Console(width=110)


@dataclass(frozen=True)
class Work:
    """What is to be received: readings, so many a second if `rate` isn't 0.

    backlog: they are all at the broker before anybody receives
    """

    readings: int
    rate: float
    backlog: bool

    @property
    def watched(self) -> bool:
        """Whether somebody looks at the page meanwhile."""
        return bool(self.rate) and not self.backlog


@dataclass
class Result:
    """Of one run: how long until all were stored, and what that took."""

    name: str
    readings: int
    stored: int = 0
    doubled: int = 0
    seconds: float = 0.0
    rss_mb: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)  # by process
    ages: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Readings/s."""
        return self.readings / self.seconds

    def cpu(self, name: str) -> str:
        """What a reading took of the processor in a process, in us."""
        return f"{1e6 * self.cpu_s[name] / self.readings:.0f}" if name in self.cpu_s else ""


@click.command()
@click.option("--readings", default=300_000, show_default=True, help="of each run")
@click.option("--rate", default=0.0, help="readings/s; 0: as fast as it goes")
@click.option("--seconds", default=0.0, help="with --rate: how long, instead of --readings")
@click.option("--backlog", is_flag=True, help="publish all before the collector starts")
@click.option("--page", is_flag=True, help="measure how long the page waits for a plot instead")
def command(readings: int, rate: float, seconds: float, backlog: bool, page: bool) -> None:
    """Measure the collector, beside mosquitto_sub into a file."""
    if page:
        bench_page.measure(readings)
        return
    if rate and seconds:
        readings = round(rate * seconds)
    results = measured(Work(readings, rate, backlog))
    show(results)
    for result in results:
        if result.stored != result.readings or result.doubled:
            raise ToolError(f"{result.name}: not every reading was stored once", "See above.")


def measured(work: Work, floor: bool = True) -> list[Result]:
    """Run the floor, and the collector with each database."""
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as path, Postgres() as server:
        folder = Path(path)
        results = []
        if floor:
            results.append(_floor(folder, replace(work, readings=min(work.readings, FLOOR))))
        results.append(_collect("SQLite", folder, f"sqlite:///{folder}/x.db", work))
        results.append(_collect("PostgreSQL", folder, server.new_database(), work, server))
    return results


def show(results: list[Result]) -> None:
    """Print the tables."""
    CONSOLE.print(f"load of this computer over the last 15 minutes: {os.getloadavg()[2]:.1f}")
    floor = results[0]
    table = Table("", "readings", "lost", "doubled", "s", "per s", "of floor", "RSS MB")
    for each in results:
        lost = each.readings - each.stored + each.doubled
        table.add_row(
            each.name, f"{each.readings:,}", str(lost), str(each.doubled), f"{each.seconds:.1f}",
            f"{each.rate:,.0f}", f"{each.rate / floor.rate:.2f}", f"{each.rss_mb:.0f}",
        )  # fmt: skip
    CONSOLE.print(table)
    table = Table("processor, us a reading", *floor.cpu_s, "database")
    for each in results:
        table.add_row(each.name, *(each.cpu(name) for name in (*floor.cpu_s, "database")))
    CONSOLE.print(table)
    if any(each.ages for each in results):
        table = Table("on the page after, s", "half", "95 of 100", "all", "nodes listed in, s")
        for each in (each for each in results if each.ages):
            ages, lists = sorted(each.ages), sorted(each.lists)
            marks = [f"{ages[int(len(ages) * part)]:.2f}" for part in (0.5, 0.95)]
            table.add_row(each.name, *marks, f"{ages[-1]:.2f}", f"{max(lists, default=0):.2f}")
        CONSOLE.print(table)


def _collect(
    name: str, folder: Path, url: str, work: Work, server: Postgres | None = None
) -> Result:
    """Run `petrel collect` until it has stored everything."""
    engine = engine_of(url)
    port = free_port()
    with _broker() as broker, (folder / f"{name}.log").open("w") as log:
        config = folder / f"{name}.toml"
        config.write_text(
            f'broker.host = "127.0.0.1:{broker.port}"\ndatabase.url = "{url}"\n'
            f"web = {{on = {str(work.watched).lower()}, port = {port}}}\n"
        )
        command = [sys.executable, "-m", "tools", "collect", "--config", str(config)]
        run = _Run(
            name, work, broker, lambda: popen(command, cwd=ROOT, stdout=log, stderr=log),
            SUBSCRIBED, lambda: _count(engine),
        )  # fmt: skip
        before = _cpu_s(server.pid) if server else 0.0
        with ExitStack() as stack:
            if work.watched:
                run.look = lambda: stack.enter_context(
                    watch.Watch(port, watch.token(engine), WATCHED)
                )
            result = run.measured()
        if server:
            result.cpu_s["database"] = _cpu_s(server.pid) - before
        result.doubled = result.stored - _count(engine, distinct=True)
        engine.dispose()
    return result


def _floor(folder: Path, work: Work) -> Result:
    """The same for mosquitto_sub, which writes lines to a file."""
    _install_subscriber()
    out = folder / "lines"
    with _broker() as broker, out.open("wb") as file:
        command = [str(SUBSCRIBER), "-p", str(broker.port), "-t", "petrel/#", "-q", "1", "-i",
                   "floor", "-c", "-F", "%t %p"]  # fmt: skip
        run = _Run(
            "mosquitto_sub", work, broker,
            lambda: popen(command, stdout=file, stderr=subprocess.DEVNULL),
            "floor 1 petrel/#", lambda: _lines(out),
        )  # fmt: skip
        return run.measured()


@dataclass
class _Run:
    """One that receives readings.

    subscribed: the line of the broker's log that says that it listens
    count: how many it has; look: begins to look at its page
    """

    name: str
    work: Work
    broker: Broker
    start: Callable[[], subprocess.Popen[str]]
    subscribed: str
    count: Callable[[], int]
    look: Callable[[], watch.Watch | None] = lambda: None

    def measured(self) -> Result:
        """Have it receive all readings: as they are published, or after it was away."""
        work = self.work
        process = self.start()
        try:
            if not self.broker.logs(re.escape(self.subscribed), START_S):
                raise ToolError(
                    f"{self.name} doesn't subscribe", "\n  ".join(self.broker.log[-5:])
                )
            if work.backlog:
                process.kill()
                process.wait()
                load, _ = self._publish()
                began = time.monotonic()
                process = self.start()
                watched = None
                self._wait()
            else:
                watched = self.look()
                load, began = self._publish()
                self._wait()
            result = Result(self.name, work.readings, seconds=time.monotonic() - began)
            result.stored = self.count()
            result.rss_mb = _rss_mb(process.pid)
            result.cpu_s = {
                "it": _cpu_s(process.pid),
                "broker": _cpu_s(self.broker.pid),
                "publishers": load.cpu_s,
            }
            if watched:
                result.ages, result.lists = watched.ages, watched.lists
            return result
        finally:
            process.kill()
            process.wait()

    def _publish(self) -> tuple[Load, float]:
        """Publish everything, and show how far that is; returns when it began as well."""
        work = self.work
        with Progress(console=CONSOLE) as progress:
            task = progress.add_task(f"{self.name}: published", total=work.readings)
            with publishing(self.broker.port, work.readings, work.rate) as load:
                began = time.monotonic()
                while load.alive:
                    progress.update(task, completed=load.sent)
                    time.sleep(LEAST_S)
            progress.update(task, completed=load.sent)
        return load, began

    def _wait(self) -> None:
        """Wait until it has all."""
        with Progress(console=CONSOLE) as progress:
            task = progress.add_task(f"{self.name}: received", total=self.work.readings)
            were, since, pause = -1, time.monotonic(), LEAST_S
            while were < self.work.readings and time.monotonic() - since < QUIET_S:
                time.sleep(pause)
                began = time.monotonic()
                now = self.count()
                pause = max(LEAST_S, SHARE * (time.monotonic() - began))
                if now != were:
                    were, since = now, time.monotonic()
                progress.update(task, completed=now)


def _broker() -> Broker:
    settings = [each for each in BROKER_SETTINGS if "queued" not in each]
    return Broker(settings=(*settings, *LOG, "max_queued_messages 0"))


def _lines(out: Path) -> int:
    with out.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _count(engine: sa.Engine, distinct: bool = False) -> int:
    """How many readings there are, or how many different ones."""
    r = t.reading.c
    of = sa.select(r.sensor, r.boot, r.seq)
    of = of.distinct() if distinct else of
    try:
        with engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(of.subquery())
            return connection.scalar(query) or 0
    except sa.exc.SQLAlchemyError:
        return 0  # the tables aren't made yet


def _rss_mb(pid: int) -> float:
    """The most RAM that a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    """The time that processors have spent on a process and its children."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended just now
        if pid in (int(file.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
            if pid == int(file.parent.name):
                ticks += int(fields[13]) + int(fields[14])  # of children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def _install_subscriber() -> None:
    if not SUBSCRIBER.exists():
        arch = debian.architecture()
        tree = TOOLS / "mosquitto-clients"
        debian.fetch(tree, "trixie", arch, "mosquitto-clients")
        debian.wrap(SUBSCRIBER, tree, arch, "usr/bin/mosquitto_sub")


if __name__ == "__main__":
    sys.exit(cli.run(command, "make bench-backend"))
