"""A node that sleeps, cycle after cycle, under faults; and an account of every reading.

Each cycle may meet a broker or a Wi-Fi that isn't there, a PUBACK that is lost, a power cut at any
moment, or garbage in the RTC's memory. See host_tests/test_sleep.py.
"""

from __future__ import annotations

import json
import random
import re
import struct
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tests.faults.proxy import DOWN, Proxy
from host_tests.harness.node import LIGHT, Node

PUBACK = 0x40
AWAKE_S = 3  # the longest time awake in a cycle whose fault lets nothing be delivered
LONG_S = 60  # and in any other: a computer with much else to do takes its time
AT = 176  # where the state begins in the RTC's memory, see lib/node/sleep/memory.py
HEAD = struct.Struct("<2sHI")
STATE = struct.Struct("<IIIIIIIHB6s")
SENSORS = [LIGHT, {**LIGHT, "name": "other", "pin": 35}]
# In a hundred cycles: connections that fail, PUBACKs that are lost, ...
FAULTS = {
    "refuse": 6, "no wifi": 4, "puback": 5, "cut": 4, "garbage": 1, "command": 5, "": 75,
}  # fmt: skip
HOPELESS = ("refuse", "no wifi", "puback")
FULL = 4  # waiting readings, with which an ESP8266's RTC may be full in the next cycle
SAYS = re.compile(r"asleep for (\d+) s; was awake for (\d+) ms")

Reading = tuple[int, int]  # boot and seq


@dataclass
class Account:
    """What became of the readings.

    may_miss: those that a power cut may have taken; longest_ms: the longest time awake
    good, failed: cycles in which everything was delivered, or something was not
    """

    may_miss: set[Reading] = field(default_factory=set)
    last: dict[int, int] = field(default_factory=dict)  # boot -> the last seq that was given
    goes_on: set[int] = field(default_factory=set)  # boots whose seq does not begin at 1
    longest_ms: int = 0
    good: int = 0
    failed: int = 0
    cuts: int = 0
    cold: int = 0
    answered: int = 0


class Nights:
    """Turns a node's days into nights.

    node: on a bench whose nights are held, and whose air leads to the proxy; seed: of the faults
    must: whether its readings are "must_deliver"; every: its period in s
    config: what its config says besides
    """

    def __init__(
        self,
        node: Node,
        proxy: Proxy,
        seed: int,
        must: bool = False,
        every: int = 600,
        **config: Any,
    ) -> None:
        self._every = every
        self._config = config
        self._awake = 0
        self.node = node
        self.proxy = proxy
        self.must = must
        self.account = Account()
        self._random = random.Random(seed)
        self._line = 0
        self._goes_on = False

    def begin(self) -> None:
        """Switch the node on, and wait for its first sleep."""
        self._may_be_awake(LONG_S)
        self.node.bench.power_on()
        self.node.bench.wait_for_sleeps(1)
        self._look()

    def turn(self, what: str = "") -> None:
        """One cycle; what: the fault that it meets."""
        bench = self.node.bench
        self._may_be_awake(AWAKE_S if what in HOPELESS else LONG_S)
        before = self._flash()
        had = (self.node.flash / "outbox").exists()
        self._goes_on = had
        full = len(self._state()[1]) >= FULL
        if what == "refuse":
            self.proxy.refuse()
        elif what == "no wifi":
            bench.wifi_down()
        elif what == "puback":
            self.proxy.swallow(PUBACK, DOWN)
        elif what == "garbage":
            self._spoil()
        command = what == "command" and self._ask()
        count = len(bench.sleeps)
        bench.wake()
        if what == "cut":
            time.sleep(self._random.random() * 0.6)
            self._cut()
            count = len(bench.sleeps)
            self._goes_on = self._goes_on or (self.node.flash / "outbox").exists()
            bench.power_on()
        bench.wait_for_sleeps(count + 1, 120)
        self.proxy.accept()
        self.proxy.no_rules()
        bench.wifi_up()
        self._look()
        if command:
            self.node.wait("reply/ping", 60, start=command)
            self.account.answered += 1
        changed = {*before.items()} ^ {*self._flash().items()}
        files = {name for name, _ in changed}
        if what != "cut" and not had:
            if (self.node.flash / "outbox").exists() or self._state()[1]:
                self.account.failed += 1
                assert len(files) <= 1, files
                assert self.must or self._config or full or not files, files
            else:
                self.account.good += 1
                assert not files, files

    def turns(self, count: int) -> None:
        """So many cycles, each with a fault by chance: FAULTS has how many in a hundred."""
        deck = [what for what, share in FAULTS.items() for _ in range(share)]
        for what in self._random.choices(deck, k=count):
            self.turn(what)

    def settle(self) -> None:
        """Cycles without faults, until nothing waits any more."""
        for _ in range(20):
            self.turn()
            if not (self.node.flash / "outbox").exists() and not self._state()[1]:
                return
        raise AssertionError("something still waits after 20 good cycles")

    def check(self) -> None:
        """Compare what came with what was accepted."""
        came: dict[Reading, set[str]] = defaultdict(set)
        self.node.seen.catch_up()
        for topic, payload in self.node.seen.messages:
            message = json.loads(payload) if payload[:1] == "{" else {}
            if "seq" in message:
                came[message["boot"], message["seq"]].add(topic + payload)
        for reading, texts in came.items():
            assert len(texts) == 1, (reading, texts)
        for boot, last in self.account.last.items():
            # With readings on the flash `seq` goes on after theirs, under a new `boot`.
            seqs = [seq for its, seq in came if its == boot]
            first = min(seqs) if seqs and boot in self.account.goes_on else 1
            lost = {(boot, seq) for seq in range(first, last + 1)} - {*came}
            assert lost <= self.account.may_miss, lost - self.account.may_miss

    # --- a cycle

    def _may_be_awake(self, seconds: int) -> None:
        """Write its config with this limit, also as its last good one, so that it has no news."""
        if seconds == self._awake:
            return
        self._awake = seconds
        more = {"delivery": "must_deliver"} if self.must else {}
        usual: dict[str, Any] = {
            "sensors": [{**each, **more} for each in SENSORS],
            "sleep": {"every": self._every, "awake": seconds, "hold": 0},
            "ntp": "",
            "homeassistant": False,
        }
        config = self.node.config(**{**usual, **self._config})
        self.node.write_config(config)
        good = self.node.flash / "config.json.old"
        if good.exists():
            good.write_bytes((self.node.flash / "config.json").read_bytes())

    def _cut(self) -> None:
        """Take the power away. What was only in RAM, or in the RTC's memory, is lost then."""
        bench = self.node.bench
        bench.power_off()
        self.account.cuts += 1
        self._forgotten()

    def _spoil(self) -> None:
        world = self.node.bench.world
        self._forgotten()
        at = AT + self._random.randrange(8, len(world.memory) - AT)
        spoilt = bytearray(world.memory)
        spoilt[at] ^= 1 << self._random.randrange(8)
        world.memory = bytes(spoilt)

    def _forgotten(self) -> None:
        """Note what is lost with the RTC's memory, and what the node may just have read."""
        state, lines = self._state()
        if state:
            boot, last = state[:2]
            for line in lines:
                self.account.may_miss.add((boot, int(line.split(b"\t")[4])))
            self.account.last[boot] = last

    def _ask(self) -> int:
        start = len(self.node.seen.messages)
        self.node.seen.publish(f"petrel/{self.node.name}/cmd/ping", "")
        self.node.seen.catch_up()
        return start

    def _look(self) -> None:
        state, _ = self._state()
        assert state, "it sleeps without a state"
        if state[0] not in self.account.last:
            self.account.cold += 1
            if self._goes_on:
                self.account.goes_on.add(state[0])
        self.account.last[state[0]] = state[1]
        lines = self.node.bench.lines
        for line in lines[self._line :]:
            if found := SAYS.search(line):
                seconds, ms = int(found[1]), int(found[2])
                assert seconds == max(1, self._every - ms // 1000), line
                self.account.longest_ms = max(self.account.longest_ms, ms)
        self._line = len(lines)

    def _state(self) -> tuple[tuple[Any, ...], list[bytes]]:
        """The node's state and the lines of waiting readings, as they are in the RTC's memory."""
        data = self.node.bench.world.memory[AT:]
        if len(data) < HEAD.size + STATE.size:
            return (), []
        _, size, _ = HEAD.unpack_from(data)
        body = data[HEAD.size : HEAD.size + size]
        lines = [line for line in body[STATE.size :].split(b"\n") if line]
        return STATE.unpack_from(body), lines

    def _flash(self) -> dict[str, int]:
        """Each file of the flash, and when it was last written."""
        folder: Path = self.node.flash
        return {
            str(path.relative_to(folder)): path.stat().st_mtime_ns
            for path in folder.rglob("*")
            if path.is_file()
        }
