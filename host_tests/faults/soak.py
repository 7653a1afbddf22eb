"""`make soak`: whole nodes under random faults, and an account of every reading.

What a node has accepted is known from the board's console, for the driver tells each value that
it hands out; what has arrived, from a subscriber at the broker. A seed repeats the same draw of
faults; how they meet the nodes is up to the scheduler.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from host_tests.faults.accounts import Fault, Stall, stall
from host_tests.faults.proxy import Proxy
from host_tests.faults.soak_node import FASTEST, FAULTS, PINS, Member, Said
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import make_node
from tools import cli
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import BUILD, ROOT
from tools.talk.readings import parse

REPORT = BUILD / "soak.json"
PAGE = ROOT / "docs" / "soak.md"
NODES = 4
RATE = 5.0
SHOWN = {
    "nodes": "nodes",
    "rate": "readings per node per second",
    "minutes": "minutes",
    "faults": "faults",
    "accepted": "readings accepted",
    "lost": "**lost**",
    "duplicates": "delivered more than once",
    "out_of_order": "out of order",
    "refused": "refused because the outbox was full",
    "longest_stall_s": "longest time without a new reading, s",
    "longest_rest_s": "longest time without one after the last fault ended, s",
    "heap_drift_bytes": "heap lost by the end, bytes",
}
_PAGE = """\
# The soak: whole nodes under random faults

`make soak WRITE=1` runs the soak and writes this page; don't edit it here. This run was:

    {command}

Half of the nodes (32-bit MicroPython on the simulated board) store their readings on flash
(`must_deliver`). Only these have their power cut, in the middle of whatever they do. The other
half keep readings in RAM, which survives a crash. Each node has its own faults, and so does the
broker, all at the same time. The seed decides the faults. A second run with the same seed draws
the same faults, but not the same history, because the scheduler decides what a fault hits. The
soak skips a restart within 75 s of the last one, because more of them would end in safe mode. A
reading counts as accepted when the node has said so on its console.

| figure | value |
|---|---|
{figures}
## The longest stalls

A stall is a time without a new reading from a node that goes on measuring. Times count from the
start of the stall. How soon a node recovers from each single fault is in [faults.md](faults.md).

{stalls}
## The faults

| fault | times |
|---|---|
{faults}"""
DRAIN_S = 120.0
MEAN_PAUSE_S = 5.0  # between two faults of a node
BROKER_PAUSE_S = 25.0
STALL_S = 2.0  # what is shorter is none
REST_S = 16.0  # how long a stall may go on when its faults are over: the longest pause, and a dial


class Soak:
    """The whole of it: a broker, a subscriber, nodes, and the faults that are drawn."""

    def __init__(
        self, minutes: float, count: int, rate: float, seed: int, console: Console
    ) -> None:
        self.minutes = minutes
        self.count = count
        self.rate = rate
        self.seed = seed
        self.console = console
        self._lock = Lock()
        self._began = time.monotonic()
        self._arrived_in_all = 0
        self._times: list[tuple[Member, float, float]] = []  # of stalls
        self._broker_faults_done: list[Fault] = []
        self.happened: dict[str, int] = {}
        self.members: dict[str, Member] = {}

    def run(self) -> dict[str, object]:
        """Run it; returns the report."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="petrel-soak-")))
            settings = ("max_queued_messages 0", "autosave_interval 1")
            self.broker = stack.enter_context(Broker(persistence=True, settings=settings))
            self.seen = stack.enter_context(
                Subscriber(
                    self.broker, show=self._arrived, keep=lambda topic: "/count" not in topic
                )
            )
            for i in range(self.count):
                proxy = stack.enter_context(Proxy((self.broker.host, self.broker.port), log=False))
                name = f"n{i + 1}"
                said = Said()
                node = make_node(
                    folder / name, WIDTHS[-1], self.broker, self.seen, name=name,
                    air=("127.0.0.1", proxy.port), echo=said.append,
                )  # fmt: skip
                stack.enter_context(node.bench)
                self.members[name] = Member(node, proxy, said, self.rate, i % 2 == 0)
                self.members[name].boot()
            for member in self.members.values():
                member.finish()
                self.seen.until(lambda member=member: member.new_at > 0, 60)  # type: ignore[misc]
            self._heap()
            self._faults()
            self._calm()
            self._heap()
            return self._report()

    def _arrived(self, topic: str, payload: str) -> None:
        _, name, sensor = topic.split("/", 2)
        member = self.members.get(name)
        if member is None or sensor not in member.arrivals:
            return
        self._arrived_in_all += 1
        took = member.arrived(sensor, int(parse(payload)["value"]))
        if took > STALL_S:
            self._times.append((member, member.new_at - took, member.new_at))

    def _faults(self) -> None:
        """Each node has faults of its own, and so has the broker, all at the same time."""
        end = time.monotonic() + self.minutes * 60
        with ThreadPoolExecutor(self.count + 1) as pool:
            tasks = [
                pool.submit(self._member_faults, member, random.Random(f"{self.seed} {i}"), end)
                for i, member in enumerate(self.members.values())
            ]
            tasks.append(pool.submit(self._broker_faults, random.Random(f"{self.seed}"), end))
            with Progress(console=self.console, transient=True) as progress:
                shown = progress.add_task("", total=self.minutes * 60)
                while (left := end - time.monotonic()) > 0:
                    total = sum(self.happened.values())
                    progress.update(
                        shown,
                        completed=self.minutes * 60 - left,
                        description=f"{total:,} faults, {self._arrived_in_all:,} readings",
                    )
                    time.sleep(min(left, 1))
            for task in tasks:
                task.result()

    def _member_faults(self, member: Member, draw: random.Random, end: float) -> None:
        while True:
            time.sleep(min(draw.expovariate(1 / MEAN_PAUSE_S), 20))
            # Whatever it is drawn for is drawn now, so that the next draw is the same always.
            name, details = draw.choice(FAULTS), random.Random(draw.random())
            if time.monotonic() > end:
                return
            if member.strike(name, details):
                self._note(name)

    def _note(self, name: str) -> None:
        with self._lock:
            self.happened[name] = self.happened.get(name, 0) + 1

    def _broker_faults(self, draw: random.Random, end: float) -> None:
        while True:
            time.sleep(min(draw.expovariate(1 / BROKER_PAUSE_S), 60))
            how = draw.choice(["broker killed", "broker restarted", "broker hangs"])
            seconds = draw.uniform(0, 5)
            if time.monotonic() > end:
                return
            self._note(how)
            began = time.monotonic()
            if how == "broker hangs":
                self.broker.suspend()
                time.sleep(1 + seconds)
                self.broker.resume()
            else:
                with ExitStack() as stack:
                    for member in self.members.values():
                        stack.enter_context(member.lock)
                    began = time.monotonic()
                    self._restart_broker(how == "broker killed", seconds)
            self._broker_faults_done.append(Fault(how, began, time.monotonic()))

    def _restart_broker(self, kill: bool, seconds: float) -> None:
        # First let it pass on what it has acknowledged: the subscriber must not miss that.
        members = list(self.members.values())
        for member in members:
            member.proxy.hush()
        self.seen.catch_up(60)
        (self.broker.kill if kill else self.broker.stop)()
        for member in members:
            member.node.bench.relay_refuse()
            member.proxy.silent.clear()
            member.proxy.cut()
        time.sleep(seconds)
        self.broker.start()
        self.seen.wait_subscribed(30)
        for member in members:
            member.node.bench.relay_accept()

    def _calm(self) -> None:
        """No faults any more: everything has to come in."""
        for member in self.members.values():
            member.proxy.silent.clear()
            member.node.bench.wifi_up()
            member.finish()
        end = time.monotonic() + DRAIN_S
        for member in self.members.values():
            self.seen.until(member.caught_up, max(0, end - time.monotonic()))

    def _heap(self) -> None:
        for member in self.members.values():
            if found := self._diagnostics(member):
                member.heap.append(found["heap_free"])

    def _diagnostics(self, member: Member) -> Any:
        for _ in range(3):
            start = len(self.seen.messages)
            try:
                member.node.command("diagnostics")
                return member.node.wait("diagnostics", 10, start)
            except TimeoutError:
                continue
        return None

    def _stalls(self) -> list[Stall]:
        """The longest stalls, the longest first."""
        longest = sorted(self._times, key=lambda each: each[1] - each[2])
        return [
            stall(member.node.name, began, ended, member.faults_done + self._broker_faults_done)
            for member, began, ended in longest
        ]

    def _report(self) -> dict[str, object]:
        table = Table("node", "accepted", "lost", "duplicates", "out of order", "refused")
        wrongs = set()
        sums = dict.fromkeys(("accepted", "lost", "duplicates", "out_of_order", "refused"), 0)
        for name, member in self.members.items():
            taken = member.accepted()
            lost = {its: sorted(taken[its] - member.arrivals[its].known) for its in taken}
            row = {
                "accepted": sum(map(len, taken.values())),
                "lost": sum(map(len, lost.values())),
                "duplicates": sum(each.duplicates for each in member.arrivals.values()),
                "out_of_order": sum(each.out_of_order for each in member.arrivals.values()),
                "refused": (self._diagnostics(member) or {}).get("refused", 0),
            }
            table.add_row(name, *(f"{number:,}" for number in row.values()))
            sums = {key: sums[key] + row[key] for key in sums}
            if row["lost"] or row["out_of_order"]:
                wrongs.add(name)
            for its, values in lost.items():
                if values:
                    self.console.print(f"{name} lost of {its}: {values[:20]}")
        self.console.print(table)
        self.console.print(", ".join(f"{n} {name}" for name, n in sorted(self.happened.items())))
        stalls = self._stalls()
        rests = sorted(stalls, key=lambda each: -each.rest)
        shown = list(dict.fromkeys(each.text() for each in (*stalls[:5], *rests[:3])))
        for line in shown:
            self.console.print(line)
        late = {each.node for each in stalls if each.rest > REST_S}
        for name in late | wrongs:
            log = self.members[name].said.write(BUILD / f"soak-{name}.log", self._began)
            self.console.print(f"the console of {name}, and its faults: {log}")
        drifts = [m.heap[0] - m.heap[-1] for m in self.members.values() if len(m.heap) > 1]
        return {
            "nodes": self.count,
            "rate": self.rate,
            "minutes": self.minutes,
            "faults": sum(self.happened.values()),
            **sums,
            "longest_stall_s": round(max((each.seconds for each in stalls), default=0.0), 1),
            "longest_rest_s": round(max((each.rest for each in stalls), default=0.0), 1),
            "heap_drift_bytes": max(drifts) if len(drifts) == self.count else None,
            "seed": self.seed,
            "stalls": shown,
            "by_fault": self.happened,
        }


_EARLIER = """
## An earlier run, of an hour

    make soak MINUTES=58 SEED=20261128 NODES=28 RATE=11

1,071,630 readings accepted under 10,766 faults, 0 lost, 10,141 delivered more than once, 0 out of
order. The longest time without a new reading was 34.8 s. One stall went on for 16.2 s after its
fault: that run still counted a fault that drops the next three PUBACKs as over once it was set up,
though each of them costs 4 s. The code was that of 2026-11-26, before the client's core was made
one.
"""


def page(report: dict[str, Any]) -> str:
    """The text of docs/soak.md."""
    command = f"make soak MINUTES={report['minutes']:g} SEED={report['seed']}"
    if report["nodes"] != NODES:
        command += f" NODES={report['nodes']}"
    if report["rate"] != RATE:
        command += f" RATE={report['rate']:g}"
    figures = "".join(f"| {what} | {report[key]:,} |\n" for key, what in SHOWN.items())
    faults = "".join(f"| {name} | {n:,} |\n" for name, n in sorted(report["by_fault"].items()))
    stalls = "".join(f"- {text}\n" for text in report["stalls"])
    made = _PAGE.format(command=command, figures=figures, faults=faults, stalls=stalls)
    return made + _EARLIER


def wrong(report: dict[str, Any]) -> list[str]:
    """What a soak must not have found."""
    found = [f"{report[key]} {key}" for key in ("lost", "out_of_order") if report[key]]
    if report["longest_rest_s"] > REST_S:
        found.append(
            f"a stall that lasted {report['longest_rest_s']} s after its faults had ended"
        )
    if report["heap_drift_bytes"] is None:
        found.append("a node that didn't report its heap")
    return found


@click.command()
@click.option(
    "--minutes", default=30.0, show_default=True, type=click.FloatRange(min=0, min_open=True),
    help="how long to make faults",
)  # fmt: skip
@click.option(
    "--nodes", default=NODES, show_default=True, type=click.IntRange(1, 64), help="how many run"
)
@click.option(
    "--rate", default=RATE, show_default=True, type=click.FloatRange(0.1, FASTEST * len(PINS)),
    help="readings per node per second",
)  # fmt: skip
@click.option(
    "--seed", type=int, help="repeat the faults of an earlier run; without it, a new seed is drawn"
)
@click.option("--write", is_flag=True, help=f"update {PAGE.relative_to(ROOT)}")
def command(minutes: float, nodes: int, rate: float, seed: int | None, write: bool) -> None:
    """Run nodes under random faults; exit status 1 if a reading was lost or out of order."""
    seed = random.randrange(1 << 30) if seed is None else seed
    console = Console()
    console.print(
        f"{nodes} nodes, {rate:g} readings a second each, {minutes:g} minutes, seed {seed}"
    )
    report = Soak(minutes, nodes, rate, seed, console).run()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    for name, value in report.items():
        if name not in ("by_fault", "stalls"):
            console.print(f"{name:18} {value}")
    console.print(f"written: {REPORT}")
    if write:
        PAGE.write_text(page(report))
        console.print(f"written: {PAGE.relative_to(ROOT)}")
    if found := wrong(report):
        raise SystemExit(f"{', '.join(found)}: repeat it with SEED={seed}")


if __name__ == "__main__":
    sys.exit(cli.run(command, "python -m host_tests.faults.soak"))
