"""A node of the soak: its sensors, its proxy, and what may happen to it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from host_tests.conformance.wire import PUBACK, PUBLISH
from host_tests.faults.accounts import Arrivals, Fault, accepted
from host_tests.faults.proxy import DOWN, UP, Proxy
from host_tests.harness.node import Node

RULED = {PUBLISH: "PUBLISH", PUBACK: "PUBACK"}
RESTART_S = 75.0  # a node that restarts more often counts it as a crash
FASTEST = 10  # readings of a sensor in a second
PINS = (4, 5, 13, 14, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33)
FAULTS = (
    "cut", "cut in PUBLISH", "cut in PUBACK", "one-way end", "silence", "PUBACKs lost",
    "PUBACKs twice", "stray PUBACK", "malformed", "slow", "drip", "Wi-Fi",
    "power cut", "power cut", "power cut", "reset", "reset", "crash", "crash",
)  # fmt: skip
# Hands out numbers that are never given twice, and tells them; where there is a file `crash`, it
# breaks the client, as a fault of the node's own code would.
DRIVER = """
import os
from bench import ask
USES = 'pin'
def options(): return {}
def broken(link): raise RuntimeError('a crash was asked for')
class Counter:
    FIELDS = (('count', ''),)
    def __init__(self, pin):
        self.name = 'count%d' % pin.id
        self.n = int(ask('starts')) * 1000000
    def start(self): return 0
    def read(self):
        if 'crash' in os.listdir():
            os.remove('crash')
            from mqtt.link import Link
            Link.step = broken
        self.n += 1
        print('counted', self.name, self.n)
        return (self.n,)
DRIVER = Counter
"""


class Said:
    """What a board says at its console, and what is done to it, with the times."""

    def __init__(self) -> None:
        self._lines: list[tuple[float, str]] = []

    def append(self, line: str) -> None:
        """A line, now; readings are too many to be kept."""
        if not line.startswith("counted"):
            self._lines.append((time.monotonic(), line))

    def write(self, path: Path, began: float) -> Path:
        """Write it all into a file; the times are seconds since `began`."""
        path.write_text("".join(f"{at - began:8.1f} {line}\n" for at, line in self._lines))
        return path


class Member:
    """A node of the soak; rate: its readings in a second; sure: must_deliver, its power is cut."""

    def __init__(self, node: Node, proxy: Proxy, said: Said, rate: float, sure: bool) -> None:
        self.node = node
        self.proxy = proxy
        self.said = said
        self.sure = sure
        self.lock = Lock()  # one fault at a time
        self.faults_done: list[Fault] = []
        proxy.on_rule = self._felt
        self.heap: list[int] = []
        self._restarted = time.monotonic()
        count = -(-rate // FASTEST)
        self._interval = count / rate
        self.arrivals = {f"count{pin}": Arrivals() for pin in PINS[: int(count)]}
        self.last: dict[str, int] = {}  # the newest value of each when the faults were over
        self.new_at = 0.0  # when a new reading arrived last

    def boot(self) -> None:
        """Switch it on."""
        (self.node.flash / "lib/sensors/counter.py").write_text(DRIVER)
        delivery = "must_deliver" if self.sure else "queue"
        counter = {"driver": "counter", "interval": self._interval, "delivery": delivery}
        sensors = [
            {**counter, "name": name, "pin": int(name.removeprefix("count"))}
            for name in self.arrivals
        ]
        mqtt = {**self.node.config()["mqtt"], "keepalive": 5}
        self.node.write_config(
            self.node.config(sensors=sensors, mqtt=mqtt, queue=1024, outbox=1 << 20, ntp="")
        )
        self.node.bench.power_on()

    def arrived(self, sensor: str, value: int) -> float:
        """A reading has arrived; returns for how long none that was new had, or 0."""
        now = time.monotonic()
        if not self.arrivals[sensor].add(value):
            return 0.0
        before, self.new_at = self.new_at, now
        return now - before if before else 0.0

    def finish(self) -> None:
        """The faults are over: note what has been measured until now."""
        self.last = dict.fromkeys(self.arrivals, 0)
        for line in self.node.bench.lines[-500:]:
            word, _, rest = line.partition(" ")
            name, _, value = rest.partition(" ")
            if word == "counted" and name in self.last and value.isdigit():
                self.last[name] = int(value)

    def caught_up(self) -> bool:
        """Readings have arrived of each sensor that were taken after the faults."""
        return all(its.newest > self.last[name] for name, its in self.arrivals.items())

    def accepted(self) -> dict[str, set[int]]:
        """The values of each sensor that the node has accepted."""
        lines = self.node.bench.lines
        return {name: accepted(lines, name, self.sure, self.last[name]) for name in self.arrivals}

    def strike(self, name: str, draw: random.Random) -> bool:
        """Do a fault to it; False if that cannot be now."""
        with self.lock:
            fault = self._faults().get(name)
            if not fault:
                return False
            began = time.monotonic()
            self.said.append(f"=== {name}")
            fault(draw)
            self.said.append(f"=== {name} is over")
            self.faults_done.append(Fault(name, began, time.monotonic()))
        return True

    def _faults(self) -> dict[str, Callable[[random.Random], object]]:
        """What may happen now."""
        proxy = self.proxy
        found: dict[str, Callable[[random.Random], object]] = {
            "cut": lambda r: proxy.cut(),
            "cut in PUBLISH": lambda r: proxy.cut_in(PUBLISH, UP, r.randrange(1, 30)),
            "cut in PUBACK": lambda r: proxy.cut_in(PUBACK, DOWN, r.randrange(1, 4)),
            "one-way end": lambda r: proxy.end_one_way(),
            "silence": lambda r: _for(r.uniform(0.5, 9), proxy.silent.set, proxy.silent.clear),
            "PUBACKs lost": lambda r: proxy.swallow(PUBACK, DOWN, r.randrange(1, 4)),
            "PUBACKs twice": lambda r: proxy.repeat(PUBACK, DOWN, r.randrange(1, 9)),
            "stray PUBACK": lambda r: proxy.inject(
                bytes((PUBACK, 2)) + r.randrange(65536).to_bytes(2, "big")
            ),
            "malformed": lambda r: proxy.inject(bytes((0xF0, 0)) + r.randbytes(8)),
            "slow": lambda r: _for(
                r.uniform(1, 4), lambda: self._slow(0.3), lambda: self._slow(0.0)
            ),
            "drip": lambda r: _for(
                r.uniform(1, 6), lambda: self._drip((1, 0.1)), lambda: self._drip(None)
            ),
            "Wi-Fi": lambda r: _for(
                r.uniform(1, 8), self.node.bench.wifi_down, self.node.bench.wifi_up
            ),
        }
        if time.monotonic() - self._restarted > RESTART_S:
            if self.sure:
                found["power cut"] = lambda r: self._restart(self.node.bench.power_cut)
                found["reset"] = lambda r: self._restart(self.node.bench.reset)
            found["crash"] = lambda r: self._restart((self.node.flash / "crash").touch)
        return found

    def _felt(self, kind: int) -> None:
        """A fault that waited for a packet has met one: it was not over before."""
        now = time.monotonic()
        self.faults_done.append(Fault(f"a {RULED[kind]} of theirs", now, now))

    def _slow(self, seconds: float) -> None:
        self.proxy.delay_s = seconds

    def _drip(self, pace: tuple[int, float] | None) -> None:
        self.proxy.drip = pace

    def _restart(self, how: Callable[[], object]) -> None:
        self._restarted = time.monotonic()
        how()


def _for(seconds: float, begin: Callable[[], None], end: Callable[[], None]) -> None:
    begin()
    time.sleep(seconds)
    end()
