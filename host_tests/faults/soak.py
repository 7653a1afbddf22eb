"""`make soak`: whole nodes under random faults, and an account of every reading.

What a node has accepted is known from the board's console, for the driver tells each value that
it hands out; what has arrived, from a subscriber at the broker. A seed repeats the same draw of
faults; how they meet the nodes is up to the scheduler.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from host_tests.conformance.wire import PUBACK, PUBLISH
from host_tests.faults.proxy import DOWN, UP, Proxy
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import Node, make_node
from tools.broker import Broker
from tools.paths import BUILD, ROOT
from tools.subscriber import Subscriber, parse

REPORT = BUILD / "soak.json"
PAGE = ROOT / "docs" / "soak.md"
NODES = 4
SHOWN = {
    "nodes": "nodes",
    "minutes": "minutes",
    "faults": "faults",
    "accepted": "readings accepted",
    "lost": "**lost**",
    "duplicates": "delivered more than once",
    "out_of_order": "out of order",
    "longest_stall_s": "longest time without a new reading, s",
    "heap_drift_bytes": "heap less at the end, bytes",
}
_PAGE = """\
# The soak: whole nodes under random faults

Written by `make soak WRITE=1`; do not edit it here. This run:

    {command}

Each node (32-bit MicroPython on the simulated board) samples every 0.2 s. Half of the nodes store
their readings on flash (`must_deliver`); only their power is cut, in the midst of whatever they
do. The others hold theirs in RAM, which is kept over a crash. Each node has faults of its own, and
so has the broker, all at the same time. They are drawn from the seed: a second run makes the same
draw, though not the same history, for how a fault meets a node is up to the scheduler. A restart
within 75 s of the last one is passed over, as more of them end in safe mode. A reading is accepted
when the node has said so at its console.

| | |
|---|---|
{figures}
The longest time is of faults that came one upon another; how soon a node recovers from each is in
[faults.md](faults.md).

| fault | times |
|---|---|
{faults}"""
DRAIN_S = 90.0
MEAN_PAUSE_S = 5.0  # between two faults of a node
BROKER_PAUSE_S = 25.0
RESTART_S = 75.0  # a node that restarts more often counts it as a crash
FAULTS = (
    "cut", "cut in PUBLISH", "cut in PUBACK", "one-way end", "silence", "PUBACKs lost",
    "PUBACKs twice", "stray PUBACK", "malformed", "slow", "drip", "Wi-Fi",
    "power cut", "power cut", "power cut", "reset", "reset", "crash", "crash",
)  # fmt: skip
# Hands out numbers that are never given twice, and tells them; crashes when there is a file.
DRIVER = """
import os
from bench import ask
USES = 'pin'
def options(): return {}
class Counter:
    FIELDS = (('count', ''),)
    def __init__(self, pin):
        self.n = int(ask('starts')) * 1000000
    def start(self): return 0
    def read(self):
        if 'crash' in os.listdir():
            os.remove('crash')
            raise RuntimeError('a crash was asked for')
        self.n += 1
        print('counted', self.n)
        return (self.n,)
DRIVER = Counter
"""


@dataclass
class Account:
    """What came of one node."""

    accepted: list[int] = field(default_factory=list)
    unsure: set[int] = field(default_factory=set)  # under way when the power was cut
    delivered: list[int] = field(default_factory=list)  # each once, in order of first arrival
    duplicates: int = 0
    longest_stall_s: float = 0.0

    @property
    def lost(self) -> list[int]:
        """Accepted, and never delivered."""
        return sorted(set(self.accepted) - set(self.delivered))

    @property
    def out_of_order(self) -> int:
        """First arrivals that are older than the one before."""
        pairs = zip(self.delivered, self.delivered[1:], strict=False)
        return sum(b < a for a, b in pairs)


class Member:
    """A node of the soak, its proxy, and what may happen to it."""

    def __init__(self, node: Node, proxy: Proxy, sure: bool) -> None:
        self.node = node
        self.proxy = proxy
        self.sure = sure  # must_deliver: the power may be cut
        self.lock = Lock()  # one fault at a time
        self.cuts: list[int] = []  # lines of the console at which the power was cut
        self._restarted = time.monotonic()
        self.heap: list[int] = []
        self.last = 0  # the newest value when the faults were over

    def boot(self) -> None:
        """Switch it on."""
        (self.node.flash / "lib/sensors/counter.py").write_text(DRIVER)
        counter = {"name": "count", "driver": "counter", "pin": 5, "interval": 0.2}
        counter["delivery"] = "must_deliver" if self.sure else "queue"
        mqtt = {**self.node.config()["mqtt"], "keepalive": 5}
        self.node.write_config(
            self.node.config(sensors=[counter], mqtt=mqtt, queue=500, outbox=262_144, ntp="")
        )
        self.node.bench.power_on()

    def newest(self) -> int:
        """The newest value that was sampled."""
        lines = [line for line in self.node.bench.lines[-500:] if line.startswith("counted")]
        return int(lines[-1].split()[1]) if lines else 0

    def is_newer(self, topic: str, payload: str) -> bool:
        """True for a reading that was sampled after the faults."""
        return topic == f"petrel/{self.node.name}/count" and parse(payload)["value"] > self.last

    def faults(self) -> dict[str, Callable[[random.Random], None]]:
        """What may happen now."""
        proxy = self.proxy
        found: dict[str, Callable[[random.Random], None]] = {
            "cut": lambda r: proxy.cut(),
            "cut in PUBLISH": lambda r: proxy.cut_in(PUBLISH, UP, r.randrange(1, 30)),
            "cut in PUBACK": lambda r: proxy.cut_in(PUBACK, DOWN, r.randrange(1, 4)),
            "one-way end": lambda r: proxy.end_one_way(),
            "silence": lambda r: self._for(
                r.uniform(0.5, 9), proxy.silent.set, proxy.silent.clear
            ),
            "PUBACKs lost": lambda r: proxy.swallow(PUBACK, DOWN, r.randrange(1, 4)),
            "PUBACKs twice": lambda r: proxy.repeat(PUBACK, DOWN, r.randrange(1, 9)),
            "stray PUBACK": lambda r: proxy.inject(
                bytes((PUBACK, 2)) + r.randrange(65536).to_bytes(2, "big")
            ),
            "malformed": lambda r: proxy.inject(bytes((0xF0, 0)) + r.randbytes(8)),
            "slow": lambda r: self._for(
                r.uniform(1, 4), lambda: self._slow(0.3), lambda: self._slow(0.0)
            ),
            "drip": lambda r: self._for(
                r.uniform(1, 6), lambda: self._drip((1, 0.1)), lambda: self._drip(None)
            ),
            "Wi-Fi": lambda r: self._for(
                r.uniform(1, 8), self.node.bench.wifi_down, self.node.bench.wifi_up
            ),
        }
        if time.monotonic() - self._restarted > RESTART_S:
            if self.sure:
                found["power cut"] = lambda r: self._cut_power()
                found["reset"] = lambda r: self._cut_power(reset=True)
            found["crash"] = lambda r: self._crash()
        return found

    def _for(self, seconds: float, begin: Callable[[], None], end: Callable[[], None]) -> None:
        begin()
        time.sleep(seconds)
        end()

    def _slow(self, seconds: float) -> None:
        self.proxy.delay_s = seconds

    def _drip(self, pace: tuple[int, float] | None) -> None:
        self.proxy.drip = pace

    def _cut_power(self, reset: bool = False) -> None:
        self._restarted = time.monotonic()
        bench = self.node.bench
        bench.power_off() if not reset else bench.reset()
        self.cuts.append(len(bench.resets))
        if not reset:
            bench.power_on()

    def _crash(self) -> None:
        self._restarted = time.monotonic()
        (self.node.flash / "crash").touch()

    def account(self, seen: Subscriber, times: dict[int, float]) -> Account:
        """What the console says was accepted, and what has arrived."""
        account = Account()
        counted = [
            line
            for line in self.node.bench.lines
            if line.startswith(("counted", "Petrel: count:"))
        ]
        values: list[int] = []
        for line in counted:
            if line.startswith("counted"):
                values.append(int(line.split()[1]))
            elif values:
                values.pop()  # that one was refused
        last = {value // 1_000_000: value for value in values}
        account.unsure = set(last.values()) if self.sure else set()
        account.accepted = [value for value in values if value not in account.unsure]
        topic = f"petrel/{self.node.name}/count"
        known: set[int] = set()
        before = None
        for its, payload in list(seen.messages):
            if its != topic:
                continue
            value = int(parse(payload)["value"])
            if value in known:
                account.duplicates += 1
                continue
            known.add(value)
            account.delivered.append(value)
            at = times.get(value, 0.0)
            if before is not None:
                account.longest_stall_s = max(account.longest_stall_s, at - before)
            before = at
        return account


class Soak:
    """The whole of it: a broker, a subscriber, nodes, and the faults that are drawn."""

    def __init__(self, minutes: float, count: int, seed: int, console: Console) -> None:
        self.minutes = minutes
        self.count = count
        self.seed = seed
        self.console = console
        self._lock = Lock()
        self.happened: dict[str, int] = {}
        self.members: list[Member] = []
        self._times: dict[str, dict[int, float]] = {}

    def run(self) -> dict[str, object]:
        """Run it; returns the report."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="petrel-soak-")))
            settings = ("max_queued_messages 0", "autosave_interval 1")
            self.broker = stack.enter_context(Broker(persistence=True, settings=settings))
            self.seen = stack.enter_context(Subscriber(self.broker, show=self._arrived))
            for i in range(self.count):
                proxy = stack.enter_context(Proxy((self.broker.host, self.broker.port)))
                name = f"n{i + 1}"
                node = make_node(
                    folder / name, WIDTHS[-1], self.broker, self.seen, name=name,
                    air=("127.0.0.1", proxy.port),
                )  # fmt: skip
                stack.enter_context(node.bench)
                self.members.append(Member(node, proxy, sure=i % 2 == 0))
                self.members[-1].boot()
            for member in self.members:
                member.node.wait("count", 30)
            self._heap()
            self._faults()
            self._calm()
            self._heap()
            return self._report()

    def _arrived(self, topic: str, payload: str) -> None:
        if topic.endswith("/count"):
            value = int(parse(payload)["value"])
            self._times.setdefault(topic, {}).setdefault(value, time.monotonic())

    def _faults(self) -> None:
        """Each node has faults of its own, and so has the broker, all at the same time."""
        end = time.monotonic() + self.minutes * 60
        with ThreadPoolExecutor() as pool:
            tasks = [
                pool.submit(self._member_faults, member, random.Random(f"{self.seed} {i}"), end)
                for i, member in enumerate(self.members)
            ]
            tasks.append(pool.submit(self._broker_faults, random.Random(f"{self.seed}"), end))
            with Progress(console=self.console, transient=True) as progress:
                shown = progress.add_task("", total=self.minutes * 60)
                while (left := end - time.monotonic()) > 0:
                    total = sum(self.happened.values())
                    progress.update(
                        shown,
                        completed=self.minutes * 60 - left,
                        description=f"{total} faults, {len(self.seen.messages)} messages",
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
            with member.lock:
                if name in member.faults():
                    self._note(name)
                    member.faults()[name](details)

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
            if how == "broker hangs":
                self.broker.suspend()
                time.sleep(1 + seconds)
                self.broker.resume()
                continue
            with ExitStack() as stack:
                for member in self.members:
                    stack.enter_context(member.lock)
                self._restart_broker(how == "broker killed", seconds)

    def _restart_broker(self, kill: bool, seconds: float) -> None:
        # First let it pass on what it has acknowledged: the subscriber must not miss that.
        for member in self.members:
            member.proxy.hush()
        self.seen.catch_up(60)
        (self.broker.kill if kill else self.broker.stop)()
        for member in self.members:
            member.proxy.refuse = True
            member.proxy.silent.clear()
            member.proxy.cut()
        time.sleep(seconds)
        self.broker.start()
        self.seen.wait_subscribed(30)
        for member in self.members:
            member.proxy.refuse = False

    def _calm(self) -> None:
        """No faults any more: everything has to come in."""
        start = len(self.seen.messages)
        for member in self.members:
            member.proxy.silent.clear()
            member.node.bench.wifi_up()
            member.last = member.newest()
        end = time.monotonic() + DRAIN_S
        for member in self.members:
            self.seen.seen(member.is_newer, max(0, end - time.monotonic()), start)

    def _heap(self) -> None:
        for member in self.members:
            start = len(self.seen.messages)
            for _ in range(3):
                try:
                    member.node.command("diagnostics")
                    found = member.node.wait("diagnostics", 10, start)
                    member.heap.append(found["heap_free"])
                    break
                except TimeoutError:
                    continue

    def _report(self) -> dict[str, object]:
        accounts = {}
        for member in self.members:
            times = self._times.get(f"petrel/{member.node.name}/count", {})
            account = member.account(self.seen, times)
            # What was sampled after the faults may still be under way.
            account.accepted = [value for value in account.accepted if value <= member.last]
            accounts[member.node.name] = account
        table = Table("node", "accepted", "lost", "duplicates", "out of order", "longest stall")
        for name, each in accounts.items():
            stall = f"{each.longest_stall_s:.1f} s"
            cells = [len(each.accepted), len(each.lost), each.duplicates, each.out_of_order]
            table.add_row(name, *map(str, cells), stall)
        self.console.print(table)
        self.console.print(", ".join(f"{n} {name}" for name, n in sorted(self.happened.items())))
        for name, each in accounts.items():
            if each.lost:
                self.console.print(f"{name} lost {each.lost[:20]}")
        totals = list(accounts.values())
        drifts = [each.heap[0] - each.heap[-1] for each in self.members if len(each.heap) > 1]
        return {
            "nodes": len(self.members),
            "minutes": self.minutes,
            "faults": sum(self.happened.values()),
            "accepted": sum(len(each.accepted) for each in totals),
            "delivered": sum(len(each.delivered) for each in totals),
            "lost": sum(len(each.lost) for each in totals),
            "duplicates": sum(each.duplicates for each in totals),
            "out_of_order": sum(each.out_of_order for each in totals),
            "longest_stall_s": round(max(each.longest_stall_s for each in totals), 1),
            "heap_drift_bytes": max(drifts) if len(drifts) == len(self.members) else None,
            "seed": self.seed,
            "by_fault": self.happened,
        }


def page(report: dict[str, Any]) -> str:
    """The text of docs/soak.md."""
    command = f"make soak MINUTES={report['minutes']:g} SEED={report['seed']}"
    if report["nodes"] != NODES:
        command += f" NODES={report['nodes']}"
    figures = "".join(f"| {what} | {report[key]:,} |\n" for key, what in SHOWN.items())
    faults = "".join(f"| {name} | {n} |\n" for name, n in sorted(report["by_fault"].items()))
    return _PAGE.format(command=command, figures=figures, faults=faults)


@click.command()
@click.option("--minutes", default=30.0, show_default=True, help="how long faults are made")
@click.option("--nodes", default=NODES, show_default=True, type=click.IntRange(1, 32))
@click.option("--seed", type=int, help="repeat a draw of faults; else a new one is taken")
@click.option("--write", is_flag=True, help=f"update {PAGE.relative_to(ROOT)}")
def command(minutes: float, nodes: int, seed: int | None, write: bool) -> None:
    """Run nodes under random faults; the exit status is 1 if one was lost or out of order."""
    seed = random.randrange(1 << 30) if seed is None else seed
    console = Console()
    console.print(f"{nodes} nodes, {minutes:g} minutes, seed {seed}")
    report = Soak(minutes, nodes, seed, console).run()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    for name, value in report.items():
        if name != "by_fault":
            console.print(f"{name:18} {value}")
    console.print(f"written: {REPORT}")
    if write:
        PAGE.write_text(page(report))
        console.print(f"written: {PAGE.relative_to(ROOT)}")
    wrong = [f"{report[key]} {key}" for key in ("lost", "out_of_order") if report[key]]
    if report["heap_drift_bytes"] is None:
        wrong.append("a node that did not tell its heap")
    if wrong:
        raise SystemExit(f"{', '.join(wrong)}: repeat it with SEED={seed}")


if __name__ == "__main__":
    command()
