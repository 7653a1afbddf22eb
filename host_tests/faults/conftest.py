"""A node, a proxy, a broker, and what a fault test asserts of them."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from host_tests.faults.proxy import Proxy
from host_tests.harness.interpreter import WIDTHS
from host_tests.harness.node import LIGHT, Node, make_node
from tools.play.broker import Broker
from tools.play.subscriber import Subscriber
from tools.shared.paths import BUILD
from tools.talk.readings import number, parse

FIGURES = BUILD / "faults.json"
# Bytes at most that code which is needed for the first time leaves behind: names, of which the
# interpreter may make a pool for as many again as there are.
ONCE = 12_288
GROWTH = 160  # bytes that the heap may differ after a second time: the texts of errors differ


class Lab:
    """A running node behind a proxy, and a record of what it does."""

    def __init__(self, node: Node, proxy: Proxy, name: str) -> None:
        self.node = node
        self.proxy = proxy
        self.bench = node.bench
        self.broker = node.broker
        self.seen = node.seen
        self._name = name
        self._before = 0  # the free heap before the fault

    def boot(self, **changes: Any) -> None:
        """Switch the node on with a config, and wait for its first reading."""
        mqtt = {**self.node.config()["mqtt"], "keepalive": 5, **changes.pop("mqtt", {})}
        config = {"sensors": [LIGHT], "queue": 200, "mqtt": mqtt, **changes}
        self.node.write_config(self.node.config(**config))
        self.bench.power_on()
        self.more(2)
        self._before = self._free()

    def numbers(self) -> list[int]:
        """The sequence numbers that have come, in the order of their arrival."""
        return self.seen.sequence()

    def more(self, count: int, timeout: float = 30) -> None:
        """Wait until so many readings more have come that had not come before."""
        wanted = max(self.numbers(), default=0) + count
        if not self.seen.seen(lambda *_: max(self.numbers(), default=0) >= wanted, timeout):
            last = "\n  ".join(self.bench.lines[-12:])
            raise AssertionError(
                f"no reading {wanted} within {timeout} s; the board says\n  {last}"
            )

    def until(self, pattern: str, timeout: float, start: int) -> float:
        """Wait for a line of the console; returns the seconds it took."""
        began = time.monotonic()
        self.bench.wait_for_line(pattern, timeout, start)
        return time.monotonic() - began

    @contextmanager
    def recovery(self, bound: float) -> Iterator[None]:
        """Within, the fault ends; then a new reading has to come within the bound."""
        yield
        began, ended = time.monotonic(), time.time()
        start = len(self.seen.messages)

        def new(_: str, payload: str) -> bool:  # taken since the end, and not on its way before
            return bool(number(payload)) and parse(payload).get("time", 0) > ended

        seen = self.seen.seen(new, bound + 5, start)
        took = time.monotonic() - began
        note(self._name, took)
        # A reading is due every 0.2 s, and its time is in whole seconds.
        assert seen and took <= bound + 1.5, f"recovered after {took:.1f} s; at most {bound} s"

    def broker_away(self, kill: bool = True) -> None:
        """Kill or stop the broker, when it has passed on all that it has acknowledged."""
        self.proxy.hush()
        if self.broker.running:
            self.seen.catch_up()
        (self.broker.kill if kill else self.broker.stop)()
        self.bench.relay_refuse()
        self.proxy.silent.clear()
        self.proxy.cut()

    def broker_back(self) -> None:
        """Start it again, and let the node in when somebody listens."""
        self.broker.start()
        self.seen.wait_subscribed()
        self.bench.relay_accept()

    def diagnostics(self) -> Any:
        """How the node is now."""
        start = len(self.seen.messages)
        assert self.node.command("diagnostics")["ok"]
        return self.node.wait("diagnostics", start=start)

    def twice(self, fault: Any) -> None:
        """Let it happen twice: nothing may be lost, raised, or grow."""
        fault()
        self.more(3)
        free = [self._free()]
        # Something may be loaded for the first time; what a fault leaves behind, it leaves always.
        for _ in range(4):
            fault()
            self.more(3)
            free.append(self._free())
            if free[-1] >= free[-2] - GROWTH:
                break
        else:
            raise AssertionError(f"the heap grows with each fault; free were {free}")
        self._before = 0  # that was a closer look than the one below
        self.whole()

    def _free(self) -> int:
        """The free heap, when what was needed for a connection alone is forgotten."""
        found = []
        for _ in range(3):
            found.append(int(self.diagnostics()["heap_free"]))
            self.more(2)
        return max(found)

    def whole(self) -> None:
        """Everything that was accepted has come, in its order, the board did not restart, and the
        heap is what it was before, where boot() has looked at it."""
        numbers = list(dict.fromkeys(self.numbers()))
        assert numbers == list(range(1, len(numbers) + 1)), "lost, or out of order"
        assert not [line for line in self.bench.lines if "Traceback" in line], self.bench.lines
        assert self.bench.resets == ["power on", "soft"], self.bench.resets
        if self._before:
            left = self._free()
            assert left >= self._before - ONCE, f"{self._before} bytes were free, now {left}"


def note(name: str, seconds: float) -> None:
    """Keep a figure for docs/faults.md."""
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.with_suffix(".lock").open("w") as lock:  # tests run several at a time
        fcntl.flock(lock, fcntl.LOCK_EX)
        figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        figures.setdefault(name, []).append(round(seconds, 1))
        FIGURES.write_text(json.dumps(figures))


@pytest.fixture
def persistence(request: pytest.FixtureRequest) -> bool:
    """Whether the broker keeps sessions over a restart; set by an indirect parameter."""
    return getattr(request, "param", False)


@pytest.fixture
def broker(broker_factory: Any, persistence: bool) -> Broker:
    broker: Broker = broker_factory(persistence=persistence)
    return broker


@pytest.fixture
def lab(
    request: pytest.FixtureRequest, tmp_path: Path, broker: Broker, seen: Subscriber
) -> Iterator[Lab]:
    """A node that is not switched on yet; its console is shown if the test fails."""
    mark = request.node.get_closest_marker("fault")
    options = getattr(request, "param", {})
    with Proxy((broker.host, broker.port)) as proxy:
        node = make_node(
            tmp_path, WIDTHS[-1], broker, seen, air=("127.0.0.1", proxy.port), **options
        )
        with node.bench:
            yield Lab(node, proxy, mark.args[0] if mark else request.node.name)
        print("the board's console:", *node.bench.lines, sep="\n  ")
